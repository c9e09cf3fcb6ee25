/**
 * What a mount's `from=` and `source=` lead to.
 *
 * @module
 */
import { KilnError } from "../../errors.ts";
import { bytePathOf } from "../../io/byte_path.ts";
import { withDirectory } from "../../sys/file.ts";
import { isDirectory } from "../../sys/stat.ts";
import { cleanInRoot, realPathIn } from "../../tree/real_path.ts";
import type { MountRequest, MountSources } from "./prepared.ts";
import type { MountSource } from "./source_views.ts";

/**
 * Resolves the source inside its tree, so that neither `..` nor a symlink leads out of it (CVE-2024-1753).
 *
 * @throws {KilnError} if there is nothing.
 */
export async function openSource(mount: MountRequest, sources: MountSources): Promise<MountSource> {
  const tree = await sources.tree(mount.from);
  const written = mount.source ?? "/";
  const { path, stat } = withDirectory(tree.root, (root) => realPathIn(root, cleanInRoot(bytePathOf(written))));
  if (stat === undefined) {
    const kind = tree.kind === "context" ? "context" : "dockerfile";
    throw new KilnError(kind, `Cannot mount "${written}": it is not in ${tree.description}`);
  }
  const type = isDirectory(stat) ? "directory" : "file";
  return { tree, path: path === "" ? tree.root : `${tree.root}/${path}`, inner: path, type };
}
