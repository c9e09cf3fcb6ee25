/**
 * Seeing something through for a moment after everything else was told to stop.
 *
 * @module
 */

/** A signal that follows another one late. */
export interface Lingering extends Disposable {
  readonly signal: AbortSignal;
}

/** Returns a signal that is aborted `ms` after `signal` is, with its reason, unless disposed of before. */
export function linger(signal: AbortSignal, ms: number): Lingering {
  const controller = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const start = (): void => {
    timer = setTimeout(() => controller.abort(signal.reason), ms);
  };
  if (signal.aborted) start();
  else signal.addEventListener("abort", start, { once: true });
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => {
      signal.removeEventListener("abort", start);
      clearTimeout(timer);
    },
  };
}
