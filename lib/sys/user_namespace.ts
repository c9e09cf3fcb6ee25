/**
 * A user namespace for a process that may not mount: in it the process is root, as far as its ids go.
 *
 * The kernel lets only a process of one thread enter one, and lets only a process outside map several ids. So a child is
 * started in new namespaces; this process maps its ids, and learns from it whether mounting is possible there; then
 * this process becomes the launcher for a moment, enters the child's user namespace and executes itself again. It stays the same
 * process all along, for signals and for whoever waits for it.
 *
 * @module
 */
import { describeErrno, SysError } from "./errno.ts";
import { execute, type Execution } from "./execute.ts";
import * as files from "./file.ts";
import { type IdRange, ownIds } from "./id_map.ts";
import { makeLauncher } from "./launcher_program.ts";
import { checked, libc } from "./libc.ts";
import { mountAttributes, MS } from "./mount.ts";
import { hasCapabilities } from "./own_capabilities.ts";
import { type BesideProcess, CLONE, hasStub, startBeside } from "./start_process.ts";
import { mapByProgram, subordinateRanges } from "./subordinate_ids.ts";
import { SyscallScript } from "./syscall_script.ts";

/** A user namespace that can be entered, held open. */
export interface PreparedNamespace {
  /** The name of it: `user:[4026532244]`. */
  readonly name: string;
  /** Why it has one id only, if it has. */
  readonly singleBecause?: string;
  /** Executes `path` in it, in a mount namespace of its own. @throws {SysError} if that cannot even be begun */
  enter(what: { readonly inside: Execution; readonly otherwise: Execution }): never;
}

/**
 * Makes a user namespace, with as many ids as possible.
 *
 * @returns why there can be none that is good for building, if so.
 */
export function prepareUserNamespace(): PreparedNamespace | string {
  if (!hasStub()) return "entering a user namespace takes machine code that there is for x86-64 only";
  const noMore: string[] = [];
  for (const { map, lacks } of waysToMap()) {
    if (map === undefined) {
      noMore.push(lacks);
      continue;
    }
    const made = makeNamespace(map);
    if ("name" in made) return noMore.length === 0 ? made : { ...made, singleBecause: noMore.join("; ") };
    if (made.step !== "map") return made.reason;
    noMore.push(made.reason);
  }
  return `no ids can be mapped: ${noMore.join("; ")}`;
}

/** Writes the maps of a process; returns what went wrong, if something did. */
type MapIds = (pid: number) => string | undefined;

/** From the one with the most ids to the one that always works. */
function* waysToMap(): Generator<{ readonly map: MapIds; readonly lacks?: never } | { map?: never; lacks: string }> {
  if (hasCapabilities("SETUID", "SETGID")) {
    const { users, groups } = ownIds();
    yield { map: (pid) => writeMaps(pid, { users: users.identity, groups: groups.identity }) };
  } else {
    const [uid, gid] = [libc.geteuid(), libc.getegid()];
    const { users, groups } = subordinateRanges(uid);
    if (users.length === 0 || groups.length === 0) {
      const missing = users.length === 0 ? "/etc/subuid" : "/etc/subgid";
      yield { lacks: `${missing} has no range for this user` };
    } else {
      const own = (outside: number): IdRange => ({ inside: 0, outside, count: 1 });
      yield {
        map: (pid) =>
          mapByProgram("newuidmap", pid, [own(uid), ...users]) ??
            mapByProgram("newgidmap", pid, [own(gid), ...groups]),
      };
    }
    yield {
      map: (pid) => {
        const single = (outside: number): readonly IdRange[] => [{ inside: 0, outside, count: 1 }];
        // Without this the kernel lets nobody map a group who lacks CAP_SETGID outside (CVE-2014-8989).
        Deno.writeTextFileSync(`/proc/${pid}/setgroups`, "deny");
        return writeMaps(pid, { users: single(uid), groups: single(gid) });
      },
    };
  }
}

function writeMaps(
  pid: number,
  maps: { readonly users: readonly IdRange[]; readonly groups: readonly IdRange[] },
): string | undefined {
  const text = (ranges: readonly IdRange[]): string =>
    ranges.map(({ inside, outside, count }) => `${inside} ${outside} ${count}\n`).join("");
  try {
    Deno.writeTextFileSync(`/proc/${pid}/uid_map`, text(maps.users));
    Deno.writeTextFileSync(`/proc/${pid}/gid_map`, text(maps.groups));
    return undefined;
  } catch (error) {
    return `the kernel refuses the map of ids (${error instanceof Error ? error.message : error})`;
  }
}

interface Refusal {
  readonly step: "clone" | "map" | "mount";
  readonly reason: string;
}

/** Starts the child, maps its ids and asks it to mount. It is gone again when this returns; a descriptor is left. */
function makeNamespace(map: MapIds): PreparedNamespace | Refusal {
  const [go, ready] = [files.makePipe(), files.makePipe()];
  const attempts = new HolderAttempts(go, ready);
  let child: BesideProcess | undefined;
  try {
    child = startBeside(CLONE.NEWUSER | CLONE.NEWNS | CLONE.NEWPID, attempts.script);
    files.close(ready.writeEnd);
    ready.writeEnd = -1;
    const refused = map(child.pid);
    if (refused !== undefined) return { step: "map", reason: refused };
    files.writeAll(go.writeEnd, new Uint8Array(1));
    files.read(ready.readEnd, new Uint8Array(1));
    const fault = attempts.fault(child);
    if (fault !== undefined) return { step: "mount", reason: fault };
    const path = `/proc/${child.pid}/ns/user`;
    const fd = files.openAt(files.AT_FDCWD, path, files.O.RDONLY);
    return { name: files.readLink(files.AT_FDCWD, path), enter: (what) => enter(fd, what) };
  } catch (error) {
    if (!(error instanceof SysError) || error.call !== "clone") throw error;
    return { step: "clone", reason: `a user namespace is refused: ${describeErrno(error.errno)}` };
  } finally {
    if (child !== undefined) {
      libc.kill(child.pid, SIGKILL);
      libc.try_waitpid(child.pid, new Uint8Array(4), 0);
    }
    for (const fd of [go.readEnd, go.writeEnd, ready.readEnd, ready.writeEnd]) if (fd >= 0) files.close(fd);
  }
}

const SIGKILL = 9;
const PR_SET_PDEATHSIG = 1;
const F_SETFD = 2;

/** What the child tries, once its ids are mapped. */
class HolderAttempts {
  readonly script = new SyscallScript();
  readonly #tried: readonly { readonly index: number; readonly what: string }[];

  constructor(go: Pipe, ready: Pipe) {
    const [byte, nothing] = [new Uint8Array(1), mountAttributes(0)];
    this.script
      .attempt("follow the builder's end", "prctl", PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)
      .attempt("leave the end that writes", "close", go.writeEnd)
      .attempt("leave the end that reads", "close", ready.readEnd)
      .call("wait for ids", "read", go.readEnd, byte, 1);
    const at = this.script.steps.length;
    this.script
      .attempt("make mounts private", "mount", null, "/", null, MS.REC | MS.PRIVATE, null)
      .attempt("change a mount", "mount_setattr", files.AT_FDCWD, "/", 0, nothing, nothing.length)
      .attempt("mount /proc", "mount", "proc", "/proc", "proc", MS.NOSUID | MS.NODEV | MS.NOEXEC, null)
      .call("tell", "write", ready.writeEnd, byte, 1)
      .call("wait for the end", "read", go.readEnd, byte, 1);
    this.#tried = ["mounting", "changing a mount (Linux 5.12)", "mounting a /proc of its own"]
      .map((what, nth) => ({ index: at + nth, what }));
  }

  /** Returns what the child was refused. */
  fault(child: BesideProcess): string | undefined {
    const refused = this.#tried.find(({ index }) => child.result(index) < 0);
    if (refused === undefined) return undefined;
    return `in a user namespace ${refused.what} is refused: ${describeErrno(-child.result(refused.index))}`;
  }
}

interface Pipe {
  readEnd: number;
  writeEnd: number;
}

function enter(
  namespace: number,
  { inside, otherwise }: { readonly inside: Execution; readonly otherwise: Execution },
): never {
  checked("fcntl", libc.fcntl(namespace, F_SETFD, 0));
  const script = new SyscallScript()
    .call("enter the user namespace", "setns", namespace, CLONE.NEWUSER)
    .call("make a mount namespace", "unshare", CLONE.NEWNS)
    .call("make mounts private", "mount", null, "/", null, MS.REC | MS.PRIVATE, null);
  const fallback = new SyscallScript();
  for (const [into, { path, argv, environment }] of [[script, inside], [fallback, otherwise]] as const) {
    into.attempt("leave the namespace's descriptor", "close", namespace);
    into.call("start again", "execve", path, argv, environment);
  }
  const program = files.makeMemoryFile("launcher");
  files.writeAll(program, makeLauncher(script, fallback));
  execute({ path: `/proc/self/fd/${program}`, argv: ["launcher"], environment: [] });
}
