/**
 * Layers from trees: tar archives made byte by byte, in exactly the order given.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { archive, entry, type ForgedHeader, pax } from "./tar_forge.ts";
import { modeOf, nodeOf, OLD, type Tree, type TreeNode } from "./tree.ts";

/** One entry of a layer; its name is written as it is, whiteouts too. */
export type LayerItem = readonly [name: string, node: TreeNode | string];

/** Returns the layer with these entries. */
export function layerOf(items: Iterable<LayerItem>): Uint8Array<ArrayBuffer> {
  return archive(...[...items].flatMap(([name, value]) => entriesOf(name, nodeOf(value))));
}

/** Returns the layer of a tree, with the entries the tree names and no others. */
export function layerOfTree(tree: Tree): Uint8Array<ArrayBuffer> {
  return layerOf(Object.entries(tree));
}

/** Returns the digest of a layer, in hexadecimal. */
export function tarDigest(tar: Uint8Array): string {
  return createHash("sha256").update(tar).digest("hex");
}

const FLAGS = { file: "0", link: "1", symlink: "2", character: "3", block: "4", directory: "5", fifo: "6" } as const;

function entriesOf(name: string, node: TreeNode): Uint8Array[] {
  if (node.type === "socket") throw new Error("a layer holds no sockets");
  const written = node.type === "directory" && !name.endsWith("/") ? `${name}/` : name;
  const target = node.type === "link" || node.type === "symlink" ? node.target : "";
  const meta = node.type === "link" ? {} : node.meta;
  const [uid, gid] = [meta.uid ?? 0, meta.gid ?? 0];
  const mtime = meta.mtime ?? OLD;
  const records: [string, string][] = [];
  if (written.length > 100) records.push(["path", written]);
  if (target.length > 100) records.push(["linkpath", target]);
  if (!/^\d+\.0{9}$/.test(mtime)) records.push(["mtime", mtime]);
  if (uid > 0o7777777) records.push(["uid", String(uid)]);
  if (gid > 0o7777777) records.push(["gid", String(gid)]);
  for (const [key, value] of Object.entries(meta.xattrs ?? {})) records.push([`SCHILY.xattr.${key}`, value]);
  const fields: ForgedHeader = {
    name: written.slice(0, 100),
    typeFlag: FLAGS[node.type],
    linkName: target.slice(0, 100),
    mode: node.type === "link" ? 0o644 : modeOf(node),
    uid: uid > 0o7777777 ? 0 : uid,
    gid: gid > 0o7777777 ? 0 : gid,
    mtime: Math.max(0, parseInt(mtime)),
    ...(node.type === "character" || node.type === "block"
      ? { devMajor: node.device[0], devMinor: node.device[1] }
      : {}),
  };
  const own = entry(fields, node.type === "file" ? node.content : "");
  return records.length === 0 ? [own] : [pax(records), own];
}
