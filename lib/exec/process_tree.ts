/**
 * Ending a command with everything it started.
 *
 * @module
 */
import type { BytePath } from "../io/byte_path.ts";
import { AT_FDCWD, readLink } from "../sys/file.ts";
import { GUARDIAN_SIGNAL } from "../sys/guardian_program.ts";
import { libc } from "../sys/libc.ts";

const SIGNALS = { SIGTERM: 15, SIGKILL: 9 } as const;

/** What a started process is: the command itself, the init of its process namespace, or its guardian. */
export type StartedKind = "command" | "init" | "guardian";

/**
 * Sends a signal to a command's process group. With init the kernel kills everything in the namespace when that ends; a
 * guardian ends everything when it is told to.
 */
export function signalCommand(
  pid: number,
  signal: keyof typeof SIGNALS,
  started: StartedKind,
): void {
  if (started === "command") libc.kill(-pid, SIGNALS[signal]);
  else if (signal === "SIGTERM") { for (const child of childrenOf(pid)) libc.kill(-child, SIGNALS.SIGTERM); }
  else libc.kill(pid, started === "init" ? SIGNALS.SIGKILL : GUARDIAN_SIGNAL);
}

/** Returns the children of a process. */
export function childrenOf(pid: number): readonly number[] {
  return processes().flatMap((process) => process.parent === pid ? [process.pid] : []);
}

/**
 * Kills and reaps every process whose root is `root`: what is left of a command that ran without a process
 * namespace. The builder is a subreaper then, so orphans are its children.
 */
export function killProcessesIn(root: BytePath): Promise<void> {
  return killAll(() => processesIn(root));
}

/**
 * Kills and reaps all descendants of a process that are not below some of its children: what is left of a command that
 * has neither a process namespace nor a root of its own. The builder is a subreaper then, too.
 */
export function killDescendants(ancestor: number, except: readonly number[]): Promise<void> {
  return killAll(() => descendantsOf(ancestor, new Set(except)));
}

async function killAll(find: () => readonly number[]): Promise<void> {
  for (let round = 0; round < 1000; round++) {
    const left = find();
    if (left.length === 0) return;
    for (const pid of left) libc.kill(pid, SIGNALS.SIGKILL);
    for (const pid of left) libc.try_waitpid(pid, new Uint8Array(4), 1);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  throw new Error("Unreachable: processes of a finished command survive SIGKILL");
}

function processesIn(root: BytePath): readonly number[] {
  return ofEach((pid) => readLink(AT_FDCWD, `/proc/${pid}/root`) === root ? [pid] : []);
}

function descendantsOf(ancestor: number, except: ReadonlySet<number>): readonly number[] {
  const all = processes();
  const found: number[] = [];
  for (let parents = new Set([ancestor]); parents.size > 0;) {
    const children = all.flatMap(({ pid, parent }) => parents.has(parent) && !except.has(pid) ? [pid] : []);
    found.push(...children);
    parents = new Set(children);
  }
  return found;
}

function processes(): readonly { readonly pid: number; readonly parent: number }[] {
  return ofEach((pid) => {
    const text = Deno.readTextFileSync(`/proc/${pid}/stat`);
    // The name of the program comes first, in parentheses, and may hold any of what follows.
    const parent = text.slice(text.lastIndexOf(")")).split(" ")[2];
    return [{ pid, parent: Number(parent) }];
  });
}

/** Gathers what is found at each process there is. */
function ofEach<T>(look: (pid: number) => readonly T[]): readonly T[] {
  return [...Deno.readDirSync("/proc")].flatMap(({ name }) => {
    try {
      return /^[0-9]+$/.test(name) ? look(Number(name)) : [];
    } catch {
      return []; // It has ended meanwhile, or is not ours to look at.
    }
  });
}
