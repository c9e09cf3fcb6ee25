/**
 * Ending a command with everything it started.
 *
 * @module
 */
import type { BytePath } from "../io/byte_path.ts";
import { AT_FDCWD, readLink } from "../sys/file.ts";
import { libc } from "../sys/libc.ts";
import type { Abilities } from "./abilities.ts";

const SIGNALS = { SIGTERM: 15, SIGKILL: 9 } as const;

/**
 * Sends a signal to a command's process group. With a process namespace `pid` is its init: SIGTERM goes to the group
 * of init's child, SIGKILL to init, upon which the kernel kills everything in the namespace.
 */
export function signalCommand(pid: number, signal: keyof typeof SIGNALS, abilities: Abilities): void {
  const number = SIGNALS[signal];
  if (!abilities.namespaces) {
    libc.kill(-pid, number);
    return;
  }
  if (signal === "SIGKILL") {
    libc.kill(pid, number);
    return;
  }
  for (const child of childrenOf(pid)) libc.kill(-child, number);
}

function childrenOf(pid: number): number[] {
  try {
    const text = Deno.readTextFileSync(`/proc/${pid}/task/${pid}/children`);
    return text.split(" ").filter((word) => word !== "").map(Number);
  } catch {
    return []; // it has ended meanwhile
  }
}

/**
 * Kills and reaps every process whose root is `root`: what is left of a command that ran without a process
 * namespace. The builder is a subreaper then, so orphans are its children.
 */
export async function killProcessesIn(root: BytePath): Promise<void> {
  for (let round = 0; round < 1000; round++) {
    const left = processesIn(root);
    if (left.length === 0) return;
    for (const pid of left) libc.kill(pid, SIGNALS.SIGKILL);
    for (const pid of left) libc.try_waitpid(pid, new Uint8Array(4), 1);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  throw new Error("Unreachable: processes of a finished command survive SIGKILL");
}

function processesIn(root: BytePath): number[] {
  const found: number[] = [];
  for (const entry of Deno.readDirSync("/proc")) {
    if (!/^[0-9]+$/.test(entry.name)) continue;
    try {
      if (readLink(AT_FDCWD, `/proc/${entry.name}/root`) === root) found.push(Number(entry.name));
    } catch {
      // It has ended meanwhile, or is not ours to look at.
    }
  }
  return found;
}
