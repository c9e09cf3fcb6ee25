/**
 * Trees as data: what a test wants on disk, in a layer, or expects to find.
 *
 * Paths are byte strings without a leading slash; "" is the root itself. A text is a file with that content. Parents
 * that are not named are directories of root's, 0755, of the time `OLD`.
 *
 * @module
 */
import { createHash } from "node:crypto";
import type { ListedFile, Listing } from "./environment/listing.ts";

/** The time of everything that does not say otherwise: long ago, and not whole. Seconds with nine decimals. */
export const OLD = "1600000000.123456789";

/** What entries of every type have. */
export interface TreeMeta {
  /** Permission bits; files 0644 and directories 0755 unless told. */
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  /** Seconds since 1970 with nine decimals. */
  readonly mtime?: string;
  /** Values are byte strings. */
  readonly xattrs?: Readonly<Record<string, string>>;
}

/** One entry: a name of its own or one more of a file named before it. */
export type TreeNode = FirstName | { readonly type: "link"; readonly target: string };

/** An entry that is not another name of one. */
export type FirstName =
  | { readonly type: "file"; readonly content: string; readonly meta: TreeMeta }
  | { readonly type: "directory" | "fifo" | "socket"; readonly meta: TreeMeta }
  | { readonly type: "symlink"; readonly target: string; readonly meta: TreeMeta }
  | { readonly type: "character" | "block"; readonly device: readonly [number, number]; readonly meta: TreeMeta };

/** Paths to entries, parents before children where both are named. */
export type Tree = Readonly<Record<string, TreeNode | string>>;

/** A regular file; the content is a byte string. */
export function file(content = "", meta: TreeMeta = {}): FirstName {
  return { type: "file", content, meta };
}

/** A directory. */
export function dir(meta: TreeMeta = {}): FirstName {
  return { type: "directory", meta };
}

/** A symlink. */
export function symlink(target: string, meta: TreeMeta = {}): FirstName {
  return { type: "symlink", target, meta };
}

/** Another name of the file at `target`. */
export function link(target: string): TreeNode {
  return { type: "link", target };
}

/** A character device. */
export function character(major: number, minor: number, meta: TreeMeta = {}): FirstName {
  return { type: "character", device: [major, minor], meta };
}

/** A block device. */
export function block(major: number, minor: number, meta: TreeMeta = {}): FirstName {
  return { type: "block", device: [major, minor], meta };
}

/** A named pipe. */
export function fifo(meta: TreeMeta = {}): FirstName {
  return { type: "fifo", meta };
}

/** A socket nobody listens on. */
export function socket(meta: TreeMeta = {}): FirstName {
  return { type: "socket", meta };
}

/** Returns the node of a value of a tree. */
export function nodeOf(value: TreeNode | string): TreeNode {
  return typeof value === "string" ? file(value) : value;
}

/** Returns the tree with all parents named, parents first. */
export function withParents(tree: Tree): ReadonlyMap<string, TreeNode> {
  const all = new Map<string, TreeNode>();
  for (const [path, value] of Object.entries(tree)) {
    const parts = path.split("/");
    for (let depth = 1; depth < parts.length; depth++) {
      const parent = parts.slice(0, depth).join("/");
      if (!all.has(parent)) all.set(parent, nodeOf(tree[parent] ?? dir()));
    }
    all.set(path, nodeOf(value));
  }
  return all;
}

/** Returns the listing a tree has on disk; the root is in it only if the tree names it. */
export function listingOf(tree: Tree): Listing {
  const nodes = withParents(tree);
  const firstOf = (path: string): string => {
    const node = nodes.get(path);
    return node?.type === "link" ? firstOf(node.target) : path;
  };
  const names = new Map<string, string[]>();
  for (const path of nodes.keys()) names.set(firstOf(path), [...names.get(firstOf(path)) ?? [], path]);
  const listing = new Map<string, ListedFile>();
  for (const path of nodes.keys()) {
    const own = nodes.get(firstOf(path));
    if (own === undefined || own.type === "link") throw new Error(`"${path}" is a link to nothing`);
    const group = (names.get(firstOf(path)) ?? []).toSorted();
    const shared = group.length > 1 ? { sameAs: `/${group[0]}` } : {};
    listing.set(`/${path}`, { ...listed(own), ...shared });
  }
  return listing;
}

function listed(node: Exclude<TreeNode, { type: "link" }>): ListedFile {
  const { meta, type } = node;
  const mode = type === "symlink" ? 0o777 : modeOf(node);
  const xattrs = Object.entries(meta.xattrs ?? {}).map(([key, value]) => [key, hex(value)]);
  return {
    type,
    mode: mode.toString(8).padStart(4, "0"),
    uid: meta.uid ?? 0,
    gid: meta.gid ?? 0,
    mtime: meta.mtime ?? OLD,
    ...(type === "file" ? { size: node.content.length, sha256: sha256(node.content) } : {}),
    ...(type === "symlink" ? { target: node.target } : {}),
    ...(type === "character" || type === "block" ? { device: node.device.join(",") } : {}),
    ...(xattrs.length === 0 ? {} : { xattrs: Object.fromEntries(xattrs) }),
  };
}

/** Returns the permission bits of a node. */
export function modeOf(node: Exclude<TreeNode, { type: "link" }>): number {
  return node.meta.mode ?? (node.type === "directory" ? 0o755 : 0o644);
}

/** Returns the SHA-256 of a byte string in hexadecimal. */
export function sha256(content: string): string {
  return createHash("sha256").update(content, "latin1").digest("hex");
}

function hex(bytes: string): string {
  return Array.from(bytes, (char) => char.charCodeAt(0).toString(16).padStart(2, "0")).join("");
}
