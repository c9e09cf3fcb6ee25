/**
 * How often and how long downloads of contexts are tried again.
 *
 * @module
 */
import { Backoff, type BackoffOptions, describePause } from "../async/retry.ts";
import type { Report } from "../report/report.ts";

/** Tries after the first, of a request or of a part that brought nothing new. */
const RETRIES = 4;

/** What trying again takes. */
export interface RetryParts extends Pick<BackoffOptions, "clock" | "random" | "signal"> {
  readonly report: Report;
}

/** What is known of the faults of one kind of server. */
export interface BackoffFaults extends Pick<BackoffOptions, "temporary"> {
  /** Completes "Cannot ... yet: ". */
  readonly describe: (error: unknown) => string;
}

/** Returns what counts the tries of `action`, which completes "Cannot ...". */
export function downloadBackoff(
  action: string,
  { clock, random, report, signal }: RetryParts,
  { temporary, describe }: BackoffFaults,
): Backoff {
  return new Backoff({
    retries: RETRIES,
    baseMs: 200,
    capMs: 10_000,
    askedCapMs: 60_000,
    clock,
    random,
    signal,
    temporary,
    onPause: (pause) => report.message("warn", describePause(pause, action, describe(pause.error))),
  });
}
