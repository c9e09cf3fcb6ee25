/**
 * Hiding the home directory from Deno while it starts.
 *
 * Deno reads `.npmrc` in the home directory and does not start if it finds a mistake there (2.9.6, also with --no-npm
 * and --no-config). It is none of its business: the home may be that of the image being built. So whoever starts Deno on
 * our bundle puts this variable in front of the environment, and the program takes the user's own from behind it.
 * Compiled, Deno does not look.
 *
 * @module
 */

/** A folder that is never there. */
export const HIDDEN_HOME = "/proc/none";

/** Returns HOME as the caller of this process set it, if at all, from the environment as the kernel has it. */
export function ownHome(environment: string): string | undefined {
  const values = environment.split("\0").filter((line) => line.startsWith("HOME=")).map((line) => line.slice(5));
  return values.find((value) => value !== HIDDEN_HOME);
}
