/**
 * Becoming the parent of orphans.
 *
 * @module
 */
import { libc } from "./libc.ts";

const PR_SET_CHILD_SUBREAPER = 36;

/** Makes this process the parent of every descendant whose own parent ends, so that it can end and reap them. */
export function asSubreaper(): void {
  libc.prctl(PR_SET_CHILD_SUBREAPER, 1n, 0n, 0n, 0n);
}
