/**
 * Trying again after temporary failures: exponential backoff with full jitter.
 *
 * "Full jitter" draws each pause evenly from zero to the exponential bound, which spreads clients that failed together
 * better than a fixed pause with a little noise (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).
 *
 * @module
 */
import type { Clock } from "./clock.ts";

/** What makes a failure temporary, and how long the other side asked us to wait, if it did. */
export interface Temporary {
  readonly afterMs?: number;
}

/** A pause about to be made. */
export interface Pause {
  readonly error: unknown;
  /** The try that failed, from 1. */
  readonly tried: number;
  /** How many tries there will be at most. */
  readonly tries: number;
  readonly pauseMs: number;
}

/**
 * Returns what people are told of a pause.
 *
 * @param action completes "Cannot ... yet"
 * @param why what stood in the way
 */
export function describePause({ tried, tries, pauseMs }: Pause, action: string, why: string): string {
  const seconds = (pauseMs / 1000).toFixed(1);
  return `Cannot ${action} yet: ${why}; trying again in ${seconds} s (try ${tried + 1} of ${tries})`;
}

/** How often and how long to wait between tries. */
export interface BackoffOptions {
  /** Tries after the first. */
  readonly retries: number;
  /** Upper bound of the first pause; it doubles with every further one. */
  readonly baseMs: number;
  /** Upper bound of every pause we choose ourselves. */
  readonly capMs: number;
  /** Upper bound of a pause the other side asks for. */
  readonly askedCapMs: number;
  readonly clock: Clock;
  /** Returns an even draw from 0 (inclusive) to 1 (exclusive). */
  readonly random: () => number;
  readonly signal: AbortSignal;
  /** Returns undefined if trying again is of no use. */
  readonly temporary: (error: unknown) => Temporary | undefined;
  /** Told of every pause before it is made. */
  readonly onPause?: (pause: Pause) => void;
}

/** Counts the failures of one undertaking and makes the pauses between its tries. */
export class Backoff {
  /** Tries so far, the running one included. */
  tries = 1;
  readonly #options: BackoffOptions;

  constructor(options: BackoffOptions) {
    this.#options = options;
  }

  /** Waits until the next try may start; throws `error` itself when it is final or the tries are used up. */
  async pause(error: unknown): Promise<void> {
    const { retries, baseMs, capMs, askedCapMs, clock, random, signal, temporary, onPause } = this.#options;
    signal.throwIfAborted();
    const reason = temporary(error);
    if (reason === undefined || this.tries > retries) throw error;
    const bound = Math.min(capMs, baseMs * 2 ** (this.tries - 1));
    const asked = reason.afterMs === undefined ? 0 : Math.min(askedCapMs, reason.afterMs);
    const pauseMs = Math.round(asked + random() * bound);
    onPause?.({ error, tried: this.tries, tries: retries + 1, pauseMs });
    this.tries++;
    await clock.sleep(pauseMs, signal);
  }

  /** Starts the count again: something was achieved since the last failure. */
  progress(): void {
    this.tries = 1;
  }
}

/** Runs `body` until it succeeds, fails for good, or the tries of `backoff` are used up. */
export async function retry<T>(body: () => Promise<T>, backoff: Backoff): Promise<T> {
  for (;;) {
    try {
      return await body();
    } catch (error) {
      await backoff.pause(error);
    }
  }
}
