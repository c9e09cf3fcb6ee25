/**
 * Trying again after what is temporary, and saying so.
 *
 * @module
 */
import { systemClock } from "../async/clock.ts";
import { Backoff, describePause } from "../async/retry.ts";
import type { Report } from "../report/report.ts";
import { describeFault, explainFault, isTemporary } from "./fault.ts";

/** What the user is told through, and what ends the waiting. */
export interface TryParts {
  readonly report: Report;
  readonly signal: AbortSignal;
}

/** Tries after the first. */
const RETRIES = 4;

/** Makes the pauses between the tries of one undertaking; `action` completes "Cannot ... yet". */
export function pausesOf(action: string, { report, signal }: TryParts): Backoff {
  return new Backoff({
    retries: RETRIES,
    baseMs: 500,
    capMs: 15_000,
    askedCapMs: 0,
    clock: systemClock,
    random: Math.random,
    signal,
    temporary: (error) => isTemporary(error) ? {} : undefined,
    onPause: (pause) => report.message("warn", describePause(pause, action, describeFault(pause.error))),
  });
}

/** Runs `body` until it succeeds or fails for good. @throws {KilnError} that says that `action` was not possible */
export async function tryingAgain<T>(action: string, parts: TryParts, body: () => Promise<T>): Promise<T> {
  const pauses = pausesOf(action, parts);
  for (;;) {
    try {
      return await body();
    } catch (error) {
      try {
        await pauses.pause(error);
      } catch (final) {
        throw explainFault(final, action);
      }
    }
  }
}
