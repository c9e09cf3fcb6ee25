/**
 * A scratch directory in memory and a Python process that writes, lists and changes trees in it.
 *
 *     await using disk = await startDisk();
 *     const root = await disk.write({ "etc/passwd": "root:x:0:0::/:", "bin/sh": symlink("busybox") });
 *     assertListing(await disk.read(root), listingOf({ ... }));
 *
 * Nothing of it uses the product: Python makes and reads everything, names and values as bytes, times in nanoseconds.
 *
 * @module
 */
import assert from "node:assert/strict";
import { findProgram } from "./environment/command.ts";
import { compareListings, type Comparison, formatListing, type Listing } from "./environment/listing.ts";
import { possibleOperations, possibleTree } from "./possible.ts";
import { ensureTools } from "./environment/tools.ts";
import { type FirstName, modeOf, OLD, type Tree, type TreeNode, withParents } from "./tree.ts";

/** One change; paths are relative to the root and byte strings, like all texts. */
export type Operation =
  /** Makes an entry where nothing is; `replace` where something is. */
  | { readonly do: "make" | "replace"; readonly path: string; readonly node: FirstName }
  | { readonly do: "remove"; readonly path: string }
  /** `link` gives a file a second name. A rename that an overlay refuses is done as mv does it, by copying. */
  | { readonly do: "link" | "rename"; readonly path: string; readonly to: string }
  | { readonly do: "chmod"; readonly path: string; readonly mode: number }
  | { readonly do: "chown"; readonly path: string; readonly uid: number; readonly gid: number }
  /** chown and chmod to what it is already. */
  | { readonly do: "rechown"; readonly path: string }
  | { readonly do: "touch"; readonly path: string; readonly mtime: string }
  | { readonly do: "write"; readonly path: string; readonly content: string }
  /** Other bytes, same size, same mtime. */
  | { readonly do: "rewrite"; readonly path: string; readonly bytes: string }
  | { readonly do: "setxattr"; readonly path: string; readonly key: string; readonly value: string }
  | { readonly do: "removexattr"; readonly path: string; readonly key: string };

/** What became of each operation: null for those that were not possible. */
export type Outcomes = readonly (string | null)[];

/** A scratch directory. */
export interface Disk extends AsyncDisposable {
  readonly path: string;
  /** Makes a new directory in it, or writes a tree to one as far as possible, and returns its path. */
  write(tree?: Tree, path?: string): Promise<string>;
  /** Lists a tree; the root is "/". */
  read(root: string): Promise<Listing>;
  /** Makes the changes that are possible, or exactly those that `like` says were possible elsewhere. */
  change(root: string, operations: readonly Operation[], like?: Outcomes): Promise<Outcomes>;
  /** Gives everything with a time after `after` the time `time`. */
  settle(root: string, after: string, time: string): Promise<void>;
  /** Applies an uncompressed layer as the image specification says, with Python's tarfile. */
  applyLayer(root: string, tar: string): Promise<void>;
  /** Removes a tree. */
  remove(path: string): Promise<void>;
  /** Returns a new path in it. */
  newPath(prefix?: string): string;
}

/** Starts a disk. Disposing of it removes everything and checks that nobody left a descriptor open in it. */
export async function startDisk(): Promise<Disk> {
  await ensureTools(["python3"]);
  // Debian's own first: wrappers of version managers take ten times as long to start.
  const python = [`/usr/bin/python3`].find((path) => exists(path)) ?? findProgram("python3") ?? "python3";
  const child = new Deno.Command(python, {
    args: ["-I", `${import.meta.dirname}/disk.py`],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  return new PythonDisk(child, Deno.makeTempDirSync({ prefix: "kiln-disk-", ...scratchParent() }));
}

/** Memory is much faster than a disk that has seen many deletions. Programs in it must be allowed to run. */
function scratchParent(): { readonly dir?: string } {
  const mounts = Deno.readTextFileSync("/proc/self/mounts").split("\n").map((line) => line.split(" "));
  const shm = mounts.find(([, target, type]) => target === "/dev/shm" && type === "tmpfs");
  return shm !== undefined && !shm[3]?.split(",").includes("noexec") ? { dir: "/dev/shm" } : {};
}

/** Fails unless two listings are the same, showing the differences. The root counts only where both have it. */
export function assertListing(found: Listing, expected: Listing, options: Comparison = {}): void {
  const except = (path: string): boolean =>
    (path === "/" && !(found.has("/") && expected.has("/"))) || (options.except?.(path) ?? false);
  const differences = compareListings(found, expected, { ...options, except });
  if (differences.length > 0) assert.fail(`found left, expected right:\n${differences.join("\n")}\n${show(found)}`);
}

function show(listing: Listing): string {
  return listing.size > 40 ? "" : `found:\n${formatListing(listing)}`;
}

class PythonDisk implements Disk {
  readonly path: string;
  readonly #child: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #lines: AsyncIterator<string>;
  #turn: Promise<unknown> = Promise.resolve();
  #next = 0;

  constructor(child: Deno.ChildProcess, path: string) {
    this.path = path;
    this.#child = child;
    this.#writer = child.stdin.getWriter();
    this.#lines = linesOf(child.stdout);
  }

  newPath(prefix = "tree"): string {
    return `${this.path}/${prefix}${this.#next++}`;
  }

  async write(tree: Tree = {}, path = this.newPath()): Promise<string> {
    const nodes = [...withParents({ "": { type: "directory", meta: {} }, ...possibleTree(tree) })];
    await this.#call("write", path, nodes.map(([name, node]) => [name, nodeForPython(node)]));
    return path;
  }

  async read(root: string): Promise<Listing> {
    // Python makes entries of the listing's own form.
    return new Map(Object.entries(await this.#call("read", root) as Record<string, never>));
  }

  async change(root: string, operations: readonly Operation[], like?: Outcomes): Promise<Outcomes> {
    const sent = possibleOperations(operations).map((operation) =>
      "node" in operation ? { ...operation, node: nodeForPython(operation.node) } : operation
    );
    return await this.#call("change", root, sent, like ?? null) as Outcomes;
  }

  async settle(root: string, after: string, time: string): Promise<void> {
    await this.#call("settle", root, after, time);
  }

  async applyLayer(root: string, tar: string): Promise<void> {
    await this.#call("applyLayer", root, tar);
  }

  async remove(path: string): Promise<void> {
    await this.#call("remove", path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const open = openBelow(this.path);
    await this.#call("remove", this.path);
    await this.#writer.close();
    await this.#lines.return?.();
    await this.#child.status;
    assert.deepEqual(open, [], "descriptors left open");
  }

  #call(call: string, ...args: readonly unknown[]): Promise<unknown> {
    const answer = this.#turn.then(() => this.#exchange(call, args));
    this.#turn = answer.catch(() => {});
    return answer;
  }

  async #exchange(call: string, args: readonly unknown[]): Promise<unknown> {
    await this.#writer.write(new TextEncoder().encode(`${JSON.stringify({ call, arguments: args })}\n`));
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error("The Python process has ended");
    const reply: { readonly value?: unknown; readonly error?: string } = JSON.parse(value);
    if (reply.error !== undefined) throw new Error(`${call}: ${reply.error}`);
    return reply.value;
  }
}

function nodeForPython(node: TreeNode): unknown {
  return node.type === "link" ? node : { ...node, mode: modeOf(node), mtime: node.meta.mtime ?? OLD };
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  let rest = "";
  for await (const chunk of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
}

/** What this process has open below a directory. */
function openBelow(path: string): readonly string[] {
  const found: string[] = [];
  for (const { name } of Deno.readDirSync("/proc/self/fd")) {
    try {
      const target = Deno.readLinkSync(`/proc/self/fd/${name}`);
      if (target === path || target.startsWith(`${path}/`)) found.push(target);
    } catch {
      // It was the descriptor that reads this directory, or one that another test has closed meanwhile.
    }
  }
  return found;
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
