/**
 * Bounds on the commands of RUN and what they keep, as the flags say them.
 *
 * @module
 */
import { parseSize } from "../dockerfile/values/size.ts";
import { KilnError } from "../errors.ts";
import type { BuildFlags } from "./flags.ts";

/** Bounds on each command. */
export interface StepOptions {
  /** How long it may take, in milliseconds; absent: as long as it takes. */
  readonly timeoutMs?: number;
  /** How much of its output is logged, in bytes; 0: all. */
  readonly logLimitBytes: number;
  /** How long caches that no command uses are kept, in milliseconds; absent: for ever. */
  readonly cacheTtlMs?: number;
}

/** Makes the record. @throws {KilnError} kind `usage` */
export function parseStepOptions(flags: BuildFlags): StepOptions {
  const timeoutMs = flags["step-timeout"];
  if (timeoutMs < 0) throw new KilnError("usage", "Cannot use --step-timeout: it is negative");
  const cacheTtlMs = flags["cache-mount-ttl"];
  if (cacheTtlMs < 0) throw new KilnError("usage", "Cannot use --cache-mount-ttl: it is negative");
  const limit = flags["step-log-limit"];
  const logLimitBytes = parseSize(limit);
  if (logLimitBytes === undefined) {
    throw new KilnError("usage", `Cannot use --step-log-limit "${limit}": it is not a size`, {
      hint: 'write it as "500k", "64m" or "1g"; 0 is no limit',
    });
  }
  return {
    logLimitBytes,
    ...(timeoutMs === 0 ? {} : { timeoutMs }),
    ...(cacheTtlMs === 0 ? {} : { cacheTtlMs }),
  };
}
