/**
 * Time, as far as waiting and expiry need it; tests hand in a clock of their own.
 *
 * @module
 */

/** Tells the time and waits. */
export interface Clock {
  /** Milliseconds since the epoch. Never goes back, so a span measured with it is right when the wall clock is set. */
  now(): number;
  /** Waits so many milliseconds; rejects with the signal's reason when it is aborted. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

/** The clock of this machine: the wall clock at the start of the process, monotonic from there. */
export const systemClock: Clock = {
  now: (): number => performance.timeOrigin + performance.now(),
  sleep(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const stop = () => {
        clearTimeout(timer);
        reject(signal.reason);
      };
      const timer = setTimeout(() => {
        signal.removeEventListener("abort", stop);
        resolve();
      }, ms);
      signal.addEventListener("abort", stop, { once: true });
    });
  },
};
