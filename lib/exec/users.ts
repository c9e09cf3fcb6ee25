/**
 * Users and groups as the image's own /etc/passwd and /etc/group define them.
 *
 * Both files are read inside the rootfs, must be regular files and at most 10 MiB (as BuildKit): an image may ship
 * /etc/passwd as a link to /dev/zero or out of its root (attack S31).
 *
 * @module
 */
import { KilnError } from "../errors.ts";
import { type BytePath, bytePathFrom, bytePathOf } from "../io/byte_path.ts";
import { readFileAt } from "../tree/read_file_in.ts";

/** Ids a process runs with. */
export interface RunUser {
  readonly uid: number;
  readonly gid: number;
  /** Supplementary groups, the primary one included. */
  readonly groups: readonly number[];
  /** Home directory for HOME, as the passwd file has it, or "/". */
  readonly home: BytePath;
}

/** Owner of a file. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** A number, or a name to be looked up in the image. */
export type Account = { readonly kind: "id"; readonly id: number } | { readonly kind: "name"; readonly name: string };

/** `user[:group]`, read (see dockerfile/values/user.ts). */
export interface Accounts {
  readonly user?: Account;
  readonly group?: Account;
}

const ROOT: Account = { kind: "id", id: 0 };

/** One line of /etc/passwd. */
interface PasswdEntry {
  readonly name: BytePath;
  readonly uid: number;
  readonly gid: number;
  readonly home: BytePath;
}

/** One line of /etc/group. */
interface GroupEntry {
  readonly name: BytePath;
  readonly gid: number;
  readonly members: readonly BytePath[];
}

const MAX_BYTES = 10 * 1024 * 1024;
const MAX_ID = 0xffff_fffe;

/**
 * Returns the ids of a command's user (dockerfile.md 3.2, 3.7); no user is user 0. A numeric user needs no passwd entry
 * and then has group 0; supplementary groups come from /etc/group, but only when no group is given.
 *
 * @throws {KilnError} kind `dockerfile`, if a name is not in the image.
 */
export function lookUpRunUser(root: number, { user = ROOT, group }: Accounts): RunUser {
  const entry = findUser(root, user);
  if (entry === undefined && user.kind === "name" && user.name !== "root") throw unknown("user", user.name);
  const uid = entry?.uid ?? (user.kind === "id" ? user.id : 0);
  const home = entry?.home ?? "/";
  if (group !== undefined) {
    const gid = groupId(root, group);
    return { uid, gid, groups: [gid], home };
  }
  const gid = entry?.gid ?? 0;
  const extra = entry === undefined ? [] : readGroups(root)
    .filter((line) => line.members.includes(entry.name) && line.gid !== gid)
    .map((line) => line.gid);
  return { uid, gid, groups: [gid, ...new Set(extra)], home };
}

/**
 * Returns the owner for `--chown` (dockerfile.md 3.3): a lone number is also the group, a lone name has its primary
 * group. An unknown name is an error (decisions 6).
 *
 * @throws {KilnError} kind `dockerfile`
 */
export function lookUpOwner(root: number, { user = ROOT, group }: Accounts): Owner {
  const { uid, gid } = user.kind === "id" ? { uid: user.id, gid: user.id } : namedOwner(root, user.name);
  return { uid, gid: group === undefined ? gid : groupId(root, group) };
}

function namedOwner(root: number, name: string): Owner {
  const entry = findUser(root, { kind: "name", name });
  if (entry !== undefined) return entry;
  if (name === "root") return { uid: 0, gid: 0 };
  throw unknown("user", name);
}

/** As runc: a number is never a name. A base whose passwd has "1000:x:0:0" would make root of USER 1000 (S32). */
function findUser(root: number, user: Account): PasswdEntry | undefined {
  const passwd = readPasswd(root);
  if (user.kind === "id") return passwd.find((line) => line.uid === user.id);
  const name = bytePathOf(user.name);
  return passwd.find((line) => line.name === name);
}

function groupId(root: number, group: Account): number {
  if (group.kind === "id") return group.id;
  const name = bytePathOf(group.name);
  const entry = readGroups(root).find((line) => line.name === name);
  if (entry !== undefined) return entry.gid;
  if (group.name === "root") return 0;
  throw unknown("group", group.name);
}

function unknown(kind: "user" | "group", name: string): KilnError {
  const file = kind === "user" ? "/etc/passwd" : "/etc/group";
  return new KilnError("dockerfile", `Cannot find the ${kind} "${name}": the image's ${file} has no such ${kind}`, {
    hint: `create it in an earlier RUN, or use a numeric id`,
  });
}

function readPasswd(root: number): PasswdEntry[] {
  return readRecords(root, "etc/passwd").flatMap(([name = "", , uid = "", gid = "", , home = ""]) => {
    const ids = [fileId(uid), fileId(gid)] as const;
    return ids[0] === undefined || ids[1] === undefined ? [] : [{ name, uid: ids[0], gid: ids[1], home }];
  });
}

function readGroups(root: number): GroupEntry[] {
  return readRecords(root, "etc/group").flatMap(([name = "", , gid = "", members = ""]) => {
    const id = fileId(gid);
    return id === undefined ? [] : [{ name, gid: id, members: members.split(",").filter((member) => member !== "") }];
  });
}

/** Malformed lines are skipped, as libc does. */
function fileId(text: string): number | undefined {
  const value = /^[0-9]{1,10}$/.test(text) ? Number(text) : undefined;
  return value !== undefined && value <= MAX_ID ? value : undefined;
}

function readRecords(root: number, path: BytePath): string[][] {
  const bytes = readFileAt(root, path, MAX_BYTES);
  return bytes === undefined ? [] : bytePathFrom(bytes).split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.split(":"));
}
