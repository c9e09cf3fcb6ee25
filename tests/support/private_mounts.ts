/**
 * A mount namespace for the thread of one test file, so that nothing it mounts outlives the tests, even when they are
 * killed.
 *
 * Workers started afterwards are in the same namespace; Deno's own asynchronous file calls may not be, so what is
 * mounted must be read by Workers, by child processes or by synchronous calls.
 *
 * @module
 */
import { libc } from "../../lib/sys/libc.ts";
import { mount, MS } from "../../lib/sys/mount.ts";
import { CLONE } from "../../lib/sys/start_process.ts";

/** Enters it. To be called once, at the top of a test file. Needs root. */
export function enterPrivateMounts(): void {
  if (libc.unshare(CLONE.NEWNS) < 0) throw new Error("These tests need root: they mount file systems");
  mount({ source: "none", target: "/", type: "", flags: MS.REC | MS.PRIVATE });
}
