/**
 * Limits the kernel sets to this process.
 *
 * @module
 */
import { libc } from "./libc.ts";

/** Returns how many files this process may open at the most; Infinity where there is no limit or no /proc to ask. */
export function hardLimitOfOpenFiles(): number {
  return parseHardLimit(readLimits());
}

/** Reads it from the text of /proc/PID/limits. */
export function parseHardLimit(text: string): number {
  const hard = /^Max open files +\S+ +(\S+)/m.exec(text)?.[1];
  return hard === undefined || hard === "unlimited" ? Infinity : Number(hard);
}

/** Returns what the kernel adds to this process's score when it looks for one to kill; 0 where that is not shown. */
export function ownOomScore(): number {
  try {
    return Number(Deno.readTextFileSync("/proc/self/oom_score_adj"));
  } catch {
    return 0;
  }
}

const RLIMIT_CORE = 4;

/**
 * Keeps this process, and what it starts, from leaving its memory in a file when it crashes: there are passwords in it.
 * Whoever wants core dumps of a command can raise the limit again.
 */
export function forbidCoreDumps(): void {
  const limit = new BigUint64Array(2);
  const bytes = new Uint8Array(limit.buffer);
  if (libc.prlimit(0, RLIMIT_CORE, null, bytes) < 0) return;
  limit[0] = 0n;
  libc.prlimit(0, RLIMIT_CORE, bytes, null);
}

function readLimits(): string {
  try {
    return Deno.readTextFileSync("/proc/self/limits");
  } catch {
    return ""; // in a chroot without /proc
  }
}
