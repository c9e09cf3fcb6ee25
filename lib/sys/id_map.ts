/**
 * Which users and groups there are in the user namespace of this process (user_namespaces(7)).
 *
 * @module
 */
import { SysError } from "./errno.ts";
import { AT_FDCWD, readLink } from "./file.ts";
import { libc } from "./libc.ts";
import { hasCapabilities } from "./own_capabilities.ts";

/** Ids from `inside` on stand for those from `outside` on, `count` of them. */
export interface IdRange {
  readonly inside: number;
  readonly outside: number;
  readonly count: number;
}

/** All ids but the one that means none. */
const ALL_IDS = 0xffff_ffff;

/** A map of ids, as /proc/PID/uid_map and gid_map show it. */
export class IdMap {
  readonly #ranges: readonly IdRange[];

  constructor(ranges: readonly IdRange[]) {
    this.#ranges = ranges;
  }

  /** Reads the text of a map. */
  static parse(text: string): IdMap {
    const lines = text.split("\n").filter((line) => line.trim() !== "");
    return new IdMap(lines.map((line) => {
      const [inside = 0, outside = 0, count = 0] = line.trim().split(/ +/).map(Number);
      return { inside, outside, count };
    }));
  }

  /** Whether a file or a process can have this id here. */
  has(id: number): boolean {
    return this.#ranges.some(({ inside, count }) => id >= inside && id < inside + count);
  }

  /** How many ids there are. */
  get count(): number {
    return this.#ranges.reduce((sum, { count }) => sum + count, 0);
  }

  /** The ids as this namespace knows them, all standing for themselves: what a namespace below may map as they are. */
  get identity(): readonly IdRange[] {
    return this.#ranges.map(({ inside, count }) => ({ inside, outside: inside, count }));
  }
}

/** The ids of this process's namespace. */
export interface OwnIds {
  readonly users: IdMap;
  readonly groups: IdMap;
  /** Whether a process may give up its supplementary groups. */
  readonly setsGroups: boolean;
  /** Whether there are more, and only the capabilities to become one of them are missing. */
  readonly isPowerless: boolean;
}

/** Returns all ids that files can have here. */
export function mappedIds(): Pick<OwnIds, "users" | "groups"> {
  return { users: readMap("uid_map"), groups: readMap("gid_map") };
}

/** Finds out. */
export function ownIds(): OwnIds {
  const setsGroups = read("setgroups") !== "deny\n";
  const { users, groups } = mappedIds();
  if (hasCapabilities("SETUID", "SETGID")) return { users, groups, setsGroups, isPowerless: false };
  const [uid, gid] = [libc.geteuid(), libc.getegid()].map((id) => new IdMap([{ inside: id, outside: id, count: 1 }]));
  if (uid === undefined || gid === undefined) throw new Error("Unreachable: a process has a user and a group");
  return { users: uid, groups: gid, setsGroups: false, isPowerless: users.count > 1 };
}

/** The kernel gives this number to the first namespace, which all others are below (PROC_USER_INIT_INO). */
const FIRST_NAMESPACE = "user:[4026531837]";

/** Whether this process is in a user namespace that somebody made: what it may do, it may only do to what is in it. */
export function inUserNamespace(): boolean {
  try {
    return readLink(AT_FDCWD, "/proc/self/ns/user") !== FIRST_NAMESPACE;
  } catch (error) {
    if (error instanceof SysError && error.is("ENOENT")) return false;
    throw error;
  }
}

function readMap(name: string): IdMap {
  const text = read(name);
  return text === undefined ? new IdMap([{ inside: 0, outside: 0, count: ALL_IDS }]) : IdMap.parse(text);
}

/** Kernels without user namespaces have no such files. */
function read(name: string): string | undefined {
  try {
    return Deno.readTextFileSync(`/proc/self/${name}`);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
