/**
 * What the kernel has done for want of memory: killed processes, and the limit it has kept.
 *
 * Both are in the files of the control group of this process, which commands are in as well. Sources: the kernel's
 * admin-guide/cgroup-v2.rst (`memory.events`, `memory.max`) and cgroup-v1/memory.rst (`memory.oom_control`).
 *
 * @module
 */

/** The state of a control group. */
export interface MemoryState {
  /** How many processes were killed so far. */
  readonly kills: number;
  /** The limit, in bytes, where there is one. */
  readonly limitBytes?: number;
}

/** Beyond this a limit of version 1 is none. */
const NO_LIMIT = 2 ** 60;

/** Returns the state of the control group of this process, or undefined where the host does not show it. */
export function memoryState(read: (path: string) => string | undefined = readFile): MemoryState | undefined {
  for (const line of (read("/proc/self/cgroup") ?? "").split("\n")) {
    const [, controllers, path] = /^[0-9]+:([^:]*):(.*)$/.exec(line) ?? [];
    if (controllers === undefined || path === undefined) continue;
    const isUnified = controllers === "";
    if (!isUnified && !controllers.split(",").includes("memory")) continue;
    const mounted = isUnified ? ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"] : ["/sys/fs/cgroup/memory"];
    // In a container without a cgroup namespace the path is the host's, and the files are where the root is.
    for (const directory of mounted.flatMap((root) => [`${root}${path === "/" ? "" : path}`, root])) {
      const state = isUnified ? readUnified(directory, read) : readLegacy(directory, read);
      if (state !== undefined) return state;
    }
  }
  return undefined;
}

function readUnified(directory: string, read: (path: string) => string | undefined): MemoryState | undefined {
  const kills = /^oom_kill ([0-9]+)$/m.exec(read(`${directory}/memory.events`) ?? "")?.[1];
  return kills === undefined ? undefined : stateOf(kills, read(`${directory}/memory.max`));
}

function readLegacy(directory: string, read: (path: string) => string | undefined): MemoryState | undefined {
  const kills = /^oom_kill ([0-9]+)$/m.exec(read(`${directory}/memory.oom_control`) ?? "")?.[1];
  return kills === undefined ? undefined : stateOf(kills, read(`${directory}/memory.limit_in_bytes`));
}

function stateOf(kills: string, limit: string | undefined): MemoryState {
  const bytes = /^[0-9]+$/.test(limit?.trim() ?? "") ? Number(limit) : NO_LIMIT;
  return { kills: Number(kills), ...(bytes < NO_LIMIT ? { limitBytes: bytes } : {}) };
}

function readFile(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return undefined;
  }
}
