/**
 * What this process asks of the kernel for itself.
 *
 * @module
 */
import { libc } from "./libc.ts";

const PR_SET_DUMPABLE = 4;
const PR_SET_CHILD_SUBREAPER = 36;

/** Makes this process the parent of every descendant whose own parent ends, so that it can end and reap them. */
export function asSubreaper(): void {
  libc.prctl(PR_SET_CHILD_SUBREAPER, 1n, 0n, 0n, 0n);
}

/**
 * Hides memory, environment and descriptors of this process from others, root's too: nobody without CAP_SYS_PTRACE may
 * trace it or look into /proc/PID. Its own children are ordinary processes once they have called execve.
 */
export function hideProcess(): void {
  libc.prctl(PR_SET_DUMPABLE, 0n, 0n, 0n, 0n);
}
