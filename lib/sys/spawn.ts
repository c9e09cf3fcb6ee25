/**
 * Starting a program that inherits chosen descriptors: posix_spawn(3) of libc.
 *
 * libc makes the child without running any of our code in it, so it works in a process that must not fork (deno.md 4), on
 * every architecture. Unlike Deno.Command it passes descriptors, and the child is ours to wait for.
 *
 * @module
 */
import { SysError } from "./errno.ts";
import { type Execution, vectorOf } from "./execute.ts";
import { cString, libc } from "./libc.ts";

/** Larger than `posix_spawn_file_actions_t` of any libc. */
const ACTIONS_BYTES = 256;

/**
 * Starts a program and returns its process id.
 *
 * @param inherited descriptors it has under the same numbers; all others are closed if they are close-on-exec.
 * @throws {SysError} if it cannot be started
 */
export function spawn({ path, argv, environment }: Execution, inherited: readonly number[]): number {
  const actions = new Uint8Array(ACTIONS_BYTES);
  check("posix_spawn_file_actions_init", libc.posix_spawn_file_actions_init(actions));
  try {
    // A descriptor onto itself: glibc 2.29 and newer take the flag off.
    for (const fd of inherited) check("posix_spawn", libc.posix_spawn_file_actions_adddup2(actions, fd, fd));
    const pid = new Int32Array(1);
    kept.length = 0;
    check(
      "posix_spawn",
      libc.posix_spawn(
        new Uint8Array(pid.buffer),
        cString(path),
        actions,
        null,
        vectorOf(argv, kept),
        vectorOf(environment, kept),
      ),
    );
    return pid[0] ?? 0;
  } finally {
    libc.posix_spawn_file_actions_destroy(actions);
  }
}

/** These functions return the error instead of setting errno. */
function check(call: string, error: number): void {
  if (error !== 0) throw new SysError(call, error);
}

/** The strings of the last call: they must be there until the child has read them. */
const kept: Uint8Array[] = [];
