/**
 * A clock for tests of the registry client and of `lib/async`: waiting takes no time and is written down.
 *
 * @module
 */
import type { Clock } from "../../lib/async/clock.ts";

/** Advances only when somebody sleeps or a test says so. */
export class RecordingClock implements Clock {
  /** Every pause asked for, in milliseconds. */
  readonly slept: number[] = [];
  #now: number;

  constructor(startMs: number = Date.UTC(2026, 0, 1)) {
    this.#now = startMs;
  }

  now(): number {
    return this.#now;
  }

  sleep(ms: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.reject(signal.reason);
    this.slept.push(ms);
    this.#now += ms;
    return Promise.resolve();
  }

  /** Lets time pass. */
  advance(ms: number): void {
    this.#now += ms;
  }
}
