/**
 * Limits the kernel sets to this process.
 *
 * @module
 */

/** Returns how many files this process may open at the most; Infinity where there is no limit or no /proc to ask. */
export function hardLimitOfOpenFiles(): number {
  return parseHardLimit(readLimits());
}

/** Reads it from the text of /proc/PID/limits. */
export function parseHardLimit(text: string): number {
  const hard = /^Max open files +\S+ +(\S+)/m.exec(text)?.[1];
  return hard === undefined || hard === "unlimited" ? Infinity : Number(hard);
}

function readLimits(): string {
  try {
    return Deno.readTextFileSync("/proc/self/limits");
  } catch {
    return ""; // in a chroot without /proc
  }
}
