/**
 * Warnings about Dockerfiles: legal, but probably not what was meant.
 *
 * @module
 */
import type { SourceRange } from "./source.ts";

/** What fired, and where. */
export interface Warning {
  /** The stable name of the rule, which is BuildKit's, by which it is silenced. */
  readonly rule: string;
  readonly message: string;
  readonly range: SourceRange;
}
