/**
 * Warnings about Dockerfiles: legal, but probably not what was meant. Their rules have stable names, so that they can
 * be silenced; the names are BuildKit's.
 *
 * @module
 */
import type { SourceRange } from "./source.ts";

/** The rules that reading a Dockerfile can fire. */
export type Rule =
  | "DuplicateStageName"
  | "ExposeInvalidFormat"
  | "ExposeProtoCasing"
  | "FromAsCasing"
  | "InvalidBaseImagePlatform"
  | "LegacyKeyValueFormat"
  | "MaintainerDeprecated"
  | "NoEmptyContinuation"
  | "ReservedStageName"
  | "StageNameCasing"
  | "UndefinedArgInFrom"
  | "UndefinedVar";

/** What fired, not yet where. */
export interface Finding {
  readonly rule: Rule;
  readonly message: string;
}

/** What fired, and where. */
export interface Warning extends Finding {
  readonly range: SourceRange;
}
