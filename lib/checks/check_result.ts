/**
 * What checking found, over all Dockerfiles that were checked, ready to be shown.
 *
 * @module
 */
import type { SourceRange } from "../dockerfile/source.ts";
import type { Warning } from "../dockerfile/warning.ts";
import type { KilnError } from "../errors.ts";

/** A base image whose config could not be had. */
export interface UnknownBase {
  /** As the FROM has it. */
  readonly image: string;
  readonly range: SourceRange;
  /** Why. */
  readonly reason: string;
}

/** What was found in one Dockerfile. */
export interface CheckedSource {
  /** The name of the file in all positions. */
  readonly file: string;
  /** Its text; absent if it could not be read. */
  readonly text?: string;
  /** Sorted by line. */
  readonly warnings: readonly Warning[];
  /** What could not be decided, sorted by line. */
  readonly open: readonly Warning[];
  readonly unknownBases: readonly UnknownBase[];
  /** Why it cannot be built. */
  readonly error?: KilnError;
}

/** The exit code of a check that found nothing but warnings. */
const WARNED = 1;

/** Returns the exit code: that of the first error, else 1 if there is a warning. */
export function exitCodeOf(sources: readonly CheckedSource[]): number {
  const error = sources.find((source) => source.error !== undefined)?.error;
  if (error !== undefined) return error.exitCode;
  return sources.some(({ warnings }) => warnings.length > 0) ? WARNED : 0;
}
