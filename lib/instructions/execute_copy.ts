/**
 * Executing a COPY or ADD: sources from a tree, then files whose content stands in the Dockerfile.
 *
 * @module
 */
import { type BytePath, bytePathOf, bytesOf } from "../io/byte_path.ts";
import { parseOwner } from "../dockerfile/values/user.ts";
import { lookUpOwner, type Owner } from "../exec/users.ts";
import * as files from "../sys/file.ts";
import type { FileTree } from "../tree/file_tree.ts";
import { type CopyNode, destinationPath, type HeredocSource } from "./copy_node.ts";
import type { Origin } from "./instruction.ts";
import type { TreeStep } from "./step.ts";

/** Copies; archives are unpacked when `unpack` is set. */
export async function executeCopy(node: CopyNode, step: TreeStep, how: { readonly unpack: boolean }): Promise<void> {
  const { root, pool, state } = step;
  const owner = ownerOf(node, root);
  const common = {
    root,
    destination: bytePathOf(destinationPath(node.destination, state.config.WorkingDir || "/")),
    ...(owner === undefined ? {} : { owner }),
    ...(node.chmod ? { chmod: node.chmod } : {}),
  };
  if (node.sources.length > 0) {
    const from = await step.tree(originOf(node));
    const sources = node.sources.map(bytePathOf);
    await pool.run("copyInto", {
      ...common,
      from,
      sources,
      ...(how.unpack ? { unpack: true, expansion: step.expansion } : {}),
      ...(node.parents ? { parents: true } : {}),
      ...(node.exclude.length === 0 ? {} : { exclude: node.exclude.map(bytePathOf) }),
    });
  }
  for (const heredoc of node.heredocs) {
    const from = heredocTree(heredoc, step.scratch);
    await pool.run("copyInto", { ...common, from, sources: [bytePathOf(heredoc.name)], literal: true });
  }
}

function originOf(node: CopyNode): Origin {
  return node.from === undefined ? { kind: "context" } : { kind: "named", name: node.from, indexes: true };
}

function ownerOf(node: CopyNode, root: BytePath): Owner | undefined {
  const { chown } = node;
  return chown ? files.withDirectory(root, (fd) => lookUpOwner(fd, parseOwner(chown))) : undefined;
}

/** A tree that holds one heredoc: 0644, made now (dockerfile.md 1.7). */
function heredocTree({ name, content }: HeredocSource, scratch: BytePath): FileTree {
  const root = `${scratch}/${crypto.randomUUID()}`;
  files.makeDirectory(files.AT_FDCWD, root, 0o755);
  const path = `${root}/${bytePathOf(name)}`;
  const fd = files.openAt(files.AT_FDCWD, path, files.O.WRONLY | files.O.CREAT | files.O.EXCL, 0o644);
  try {
    files.writeAll(fd, bytesOf(bytePathOf(content)));
    files.changeModeOf(fd, 0o644);
  } finally {
    files.close(fd);
  }
  return { root, kind: "context", description: "the Dockerfile", owner: { uid: 0, gid: 0 } };
}
