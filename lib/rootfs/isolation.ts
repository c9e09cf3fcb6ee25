/**
 * The names of the ways to keep RUN apart from this machine.
 *
 * @module
 */

/** All of them, the strictest first: the order in which `auto` tries them, and by which they are compared. */
export const ISOLATIONS = ["overlay", "userns", "chroot"] as const;

/** One of them: what `--isolation` asks for by name and `--require-isolation` compares. */
export type Isolation = typeof ISOLATIONS[number];

/** Which one is wanted. */
export interface IsolationRequest {
  readonly wanted: Isolation | "auto";
  /** The least that will do; absent: any. */
  readonly least?: Isolation;
}
