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
  /** Home directory for HOME. */
  readonly home: BytePath;
}

/** Owner of a file. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

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
 * Returns the ids for `USER user[:group]` (dockerfile.md 3.2, 3.7). A numeric user needs no passwd entry and then has
 * group 0; supplementary groups come from /etc/group, but only when no group is given.
 *
 * @throws {KilnError} kind `dockerfile`, if a name is not in the image, or an id is out of range.
 */
export function lookUpRunUser(root: number, user: string): RunUser {
  const { userPart, groupPart } = split(user === "" ? "0" : user);
  const passwd = readPasswd(root);
  const numeric = parseId(userPart);
  const name = bytePathOf(userPart);
  const entry = passwd.find((line) => line.name === name) ?? passwd.find((line) => line.uid === numeric);
  if (entry === undefined && numeric === undefined && userPart !== "root") {
    throw unknown("user", userPart, "/etc/passwd");
  }
  const uid = entry?.uid ?? numeric ?? 0;
  const home = entry?.home || (uid === 0 ? "/root" : "/");
  if (groupPart !== undefined) {
    const gid = lookUpGroup(root, groupPart);
    return { uid, gid, groups: [gid], home };
  }
  const gid = entry?.gid ?? 0;
  const extra = entry === undefined ? [] : readGroups(root)
    .filter((group) => group.members.includes(entry.name) && group.gid !== gid)
    .map((group) => group.gid);
  return { uid, gid, groups: [gid, ...new Set(extra)], home };
}

/**
 * Returns the owner for `--chown=user[:group]` (dockerfile.md 3.3): a lone number is also the group, a lone name has
 * its primary group. An unknown name is an error (decisions 6).
 *
 * @throws {KilnError} kind `dockerfile`
 */
export function lookUpOwner(root: number, owner: string): Owner {
  const { userPart, groupPart } = split(owner);
  const name = bytePathOf(userPart);
  const numeric = parseId(userPart);
  let uid = numeric;
  let gid = numeric;
  if (uid === undefined) {
    const entry = readPasswd(root).find((line) => line.name === name);
    if (entry === undefined && userPart !== "root") throw unknown("user", userPart, "/etc/passwd");
    uid = entry?.uid ?? 0;
    gid = entry?.gid ?? 0;
  }
  if (groupPart !== undefined) gid = groupPart === "" ? 0 : lookUpGroup(root, groupPart);
  return { uid, gid: gid ?? 0 };
}

function lookUpGroup(root: number, group: string): number {
  const numeric = parseId(group);
  if (numeric !== undefined) return numeric;
  const name = bytePathOf(group);
  const entry = readGroups(root).find((line) => line.name === name);
  if (entry !== undefined) return entry.gid;
  if (group === "root") return 0;
  throw unknown("group", group, "/etc/group");
}

function split(text: string): { userPart: string; groupPart: string | undefined } {
  const colon = text.indexOf(":");
  if (colon < 0) return { userPart: text, groupPart: undefined };
  return { userPart: text.slice(0, colon) || "0", groupPart: text.slice(colon + 1) };
}

/**
 * Decimal digits only are an id; anything else is a name.
 *
 * @throws {KilnError} if the number does not fit an id: it must not wrap round to root (CVE-2024-40635).
 */
function parseId(text: string): number | undefined {
  if (!/^[0-9]+$/.test(text)) return undefined;
  const value = Number(text);
  if (value <= MAX_ID) return value;
  throw new KilnError("dockerfile", `Cannot use the id "${text}": the largest user or group id is ${MAX_ID}`);
}

function unknown(kind: "user" | "group", name: string, file: string): KilnError {
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
