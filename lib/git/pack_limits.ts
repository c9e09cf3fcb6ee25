/**
 * How much a pack may claim before it is taken for an attack (pains-and-security.md S48).
 *
 * @module
 */

/** What is refused beyond. */
export interface PackLimits {
  /** Objects in one pack; the whole history of Linux has 11 million, one commit of it 90,000. */
  readonly maxObjects: number;
  /** Deltas upon deltas; git itself never writes more (pack.depth). */
  readonly maxDepth: number;
  /** Bytes of a commit, tree or tag; they are read whole. A directory of 400,000 files has 16 MiB. */
  readonly maxStructureBytes: number;
  /** Bytes that deltas, and files that are checked out, may come to for every byte of the pack ... */
  readonly maxRatio: number;
  /** ... once there are more than these. A delta of 7 bytes can stand for 16 MiB. */
  readonly freeBytes: number;
}

/** What holds unless a caller says otherwise. */
export const DEFAULT_PACK_LIMITS: PackLimits = {
  maxObjects: 4_194_304,
  maxDepth: 4_095,
  maxStructureBytes: 32 * 1024 ** 2,
  maxRatio: 1_000,
  freeBytes: 1024 ** 3,
};

/** Returns how many bytes may be made of a pack of this size. */
export function expansionAllowed(limits: PackLimits, packBytes: number): number {
  return Math.max(limits.freeBytes, limits.maxRatio * packBytes);
}
