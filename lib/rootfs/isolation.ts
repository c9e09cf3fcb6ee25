/**
 * The names of the ways to keep RUN apart from this machine.
 *
 * @module
 */

/** All of them, the strictest first. */
export const ISOLATIONS = ["overlay", "userns", "chroot", "in-place"] as const;

/** The order in which `auto` tries them: a command in place sees /proc, which in a plain chroot it does not. */
export const PREFERENCE: readonly Isolation[] = ["overlay", "userns", "in-place", "chroot"];

/** One of them: what `--isolation` asks for by name and `--require-isolation` compares. */
export type Isolation = typeof ISOLATIONS[number];

/** Which one is wanted. */
export interface IsolationRequest {
  readonly wanted: Isolation | "auto";
  /** The least that will do; absent: any. */
  readonly least?: Isolation;
}
