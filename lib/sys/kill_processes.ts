/**
 * Ending processes that nobody waits for any more.
 *
 * @module
 */
import type { BytePath } from "../io/byte_path.ts";
import { AT_FDCWD, readLink } from "./file.ts";
import { libc } from "./libc.ts";

const SIGKILL = 9;
/** A killed process is gone in a moment, unless it hangs in the kernel; nobody should wait for that. */
const ROUNDS = 200;
const ROUND_MS = 5;

/**
 * Kills every process whose root is below a directory, and waits until they are gone. They need not be children of
 * this process.
 */
export function killProcessesRootedBelow(directory: BytePath): void {
  for (let round = 0; round < ROUNDS; round++) {
    const left = rootedBelow(directory);
    if (left.length === 0) return;
    for (const pid of left) libc.kill(pid, SIGKILL);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ROUND_MS);
  }
}

function rootedBelow(directory: BytePath): readonly number[] {
  const found: number[] = [];
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^[0-9]+$/.test(name)) continue;
    try {
      if (readLink(AT_FDCWD, `/proc/${name}/root`).startsWith(`${directory}/`)) found.push(Number(name));
    } catch {
      // It has ended meanwhile, or is not ours to look at.
    }
  }
  return found;
}
