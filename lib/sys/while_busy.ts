/**
 * Waiting out EBUSY: what somebody else still uses for a moment.
 *
 * @module
 */
import { SysError } from "./errno.ts";

/** How long to wait. */
export interface Patience {
  /** Tries, one a millisecond. */
  readonly mostMs: number;
  /** Called before each further try. */
  readonly between?: () => void;
}

/** Makes a call until it does not fail with EBUSY. @throws what the call throws, and its EBUSY when it is time */
export function whileBusy(call: () => void, { mostMs, between }: Patience): void {
  for (let waited = 0;; waited++) {
    try {
      return call();
    } catch (error) {
      if (!(error instanceof SysError && error.is("EBUSY")) || waited >= mostMs) throw error;
    }
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    between?.();
  }
}
