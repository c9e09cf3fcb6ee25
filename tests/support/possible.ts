/**
 * What a process may do to a file system itself, where it is root in a user namespace only: no devices, no attributes of
 * the kinds that are for the real root, no ids that are not mapped. Rows of tests are made fit for that: another kind of entry, attribute
 * or id shows the same. Elsewhere they stay as they are.
 *
 * @module
 */
import type { Operation } from "./disk.ts";
import type { FirstName, Tree, TreeMeta, TreeNode } from "./tree.ts";

/** Whether this process is in a user namespace; PROC_USER_INIT_INO of the kernel is the first one's number. */
export const IN_USER_NAMESPACE: boolean = Deno.readLinkSync("/proc/self/ns/user") !== "user:[4026531837]";

/** How many users there are. */
export const USER_COUNT: number = Deno.readTextFileSync("/proc/self/uid_map").trim().split("\n")
  .map((line) => line.trim().split(/ +/).map(Number))
  .reduce((sum, [, , count = 0]) => sum + count, 0);

/** The same tree, as far as this process can make it. */
export function possibleTree(tree: Tree): Tree {
  return Object.fromEntries(
    Object.entries(tree).map(([path, node]) => [
      path,
      typeof node === "string" || node.type === "link" ? node : possibleNode(node),
    ]),
  );
}

/** The same changes, as far as this process can make them. */
export function possibleOperations(operations: readonly Operation[]): readonly Operation[] {
  return operations.map((operation): Operation => {
    if ("node" in operation) return { ...operation, node: possibleNode(operation.node) };
    if ("key" in operation) return { ...operation, key: possibleKey(operation.key) };
    if (operation.do === "chown") {
      return { ...operation, uid: possibleId(operation.uid), gid: possibleId(operation.gid) };
    }
    return operation;
  });
}

function possibleNode(node: FirstName): FirstName {
  if (!IN_USER_NAMESPACE) return node;
  const meta = possibleMeta(node.meta, node.type);
  if (node.type !== "character" && node.type !== "block") return { ...node, meta };
  // Other devices become other pipes.
  const [, minor] = node.device;
  const mode = (node.type === "block" ? 0o640 : 0o600) | minor & 7;
  return { type: "fifo", meta: { mode, ...meta } };
}

function possibleMeta(meta: TreeMeta, type: TreeNode["type"]): TreeMeta {
  const takesUserAttributes = type === "file" || type === "directory";
  const xattrs = Object.entries(meta.xattrs ?? {})
    .filter(([key]) => takesUserAttributes || possibleKey(key) === key)
    .map(([key, value]) => [possibleKey(key), value]);
  return {
    ...meta,
    ...meta.uid === undefined ? {} : { uid: possibleId(meta.uid) },
    ...meta.gid === undefined ? {} : { gid: possibleId(meta.gid) },
    xattrs: Object.fromEntries(xattrs),
  };
}

function possibleKey(key: string): string {
  return IN_USER_NAMESPACE ? key.replace(/^trusted\./, "user.") : key;
}

function possibleId(id: number): number {
  return IN_USER_NAMESPACE && id >= USER_COUNT ? id % USER_COUNT : id;
}
