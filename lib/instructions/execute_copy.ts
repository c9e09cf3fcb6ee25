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
import type { Jobs } from "../worker.ts";
import { type CopyNode, destinationPath, type HeredocSource } from "./copy_node.ts";
import type { Origin } from "./instruction.ts";
import { type AddSource, parseAddSource } from "./remote_source.ts";
import type { RemoteSource, TreeStep } from "./step.ts";

/** Copies. */
export async function executeCopy(node: CopyNode, step: TreeStep): Promise<void> {
  const copier = new Copier(node, step);
  const groups = groupsOf(node);
  // All are fetched at the same time; they are copied in the order in which they are written.
  const remotes = groups.map((group) => group.kind === "paths" ? undefined : step.remote(group));
  await Promise.allSettled(remotes);
  for (const [at, group] of groups.entries()) {
    if (group.kind === "paths") await copier.paths(group.paths);
    else await copier.remote(await remotes[at]);
  }
  for (const heredoc of node.heredocs) await copier.heredoc(heredoc);
}

/** What is copied at once: something fetched, or neighbouring paths in one tree. */
type Group = RemoteSource | { readonly kind: "paths"; readonly paths: string[] };

function groupsOf(node: CopyNode): readonly Group[] {
  const groups: Group[] = [];
  for (const text of node.sources) {
    const source: AddSource = node.keyword === "ADD" ? parseAddSource(text, node) : { kind: "path", path: text };
    const last = groups.at(-1);
    if (source.kind !== "path") groups.push(source);
    else if (last?.kind === "paths") last.paths.push(source.path);
    else groups.push({ kind: "paths", paths: [source.path] });
  }
  return groups;
}

type CopyIntoRequest = Parameters<Jobs["copyInto"]>[0];

class Copier {
  readonly #node: CopyNode;
  readonly #step: TreeStep;
  readonly #common: Pick<CopyIntoRequest, "root" | "destination" | "owner" | "chmod">;
  readonly #exclude: Pick<CopyIntoRequest, "exclude">;

  constructor(node: CopyNode, step: TreeStep) {
    const { root, state } = step;
    const owner = ownerOf(node, root);
    this.#node = node;
    this.#step = step;
    this.#common = {
      root,
      destination: bytePathOf(destinationPath(node.destination, state.config.WorkingDir || "/")),
      ...(owner === undefined ? {} : { owner }),
      ...(node.chmod ? { chmod: node.chmod } : {}),
    };
    this.#exclude = node.exclude.length === 0 ? {} : { exclude: node.exclude.map(bytePathOf) };
  }

  async paths(paths: readonly string[]): Promise<void> {
    const { keyword, parents, unpack = true } = this.#node;
    await this.#copy({
      from: await this.#step.tree(originOf(this.#node)),
      sources: paths.map(bytePathOf),
      ...this.#exclude,
      ...(keyword === "ADD" && unpack ? { unpack: true } : {}),
      ...(parents ? { parents: true } : {}),
    });
  }

  async remote(remote: { readonly tree: FileTree; readonly path: BytePath } | undefined): Promise<void> {
    if (remote === undefined) throw new Error("Unreachable: everything that is not a path is fetched");
    await this.#copy({
      from: remote.tree,
      sources: [remote.path],
      literal: true,
      ...this.#exclude,
      ...(this.#node.unpack === true ? { unpack: true } : {}),
    });
  }

  async heredoc(heredoc: HeredocSource): Promise<void> {
    const from = heredocTree(heredoc, this.#step.scratch);
    await this.#copy({ from, sources: [bytePathOf(heredoc.name)], literal: true });
  }

  async #copy(request: Omit<CopyIntoRequest, "root" | "destination">): Promise<void> {
    const { pool, expansion } = this.#step;
    await pool.run("copyInto", { ...this.#common, ...request, ...(request.unpack ? { expansion } : {}) });
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
