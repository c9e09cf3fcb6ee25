/**
 * Several workers at one queue: when one fails, the others stop, and nobody goes on before all have.
 *
 * @module
 */

/**
 * Runs `lane` several times at once and waits for all.
 *
 * @param lane is given a signal that stops it, if another lane fails or the caller's signal is aborted.
 * @throws the first failure; the reason of `signal`, if it is aborted.
 */
export async function runLanes(
  count: number,
  signal: AbortSignal,
  lane: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const failed = new AbortController();
  const either = AbortSignal.any([signal, failed.signal]);
  await Promise.all(Array.from({ length: count }, async () => {
    try {
      await lane(either);
    } catch (error) {
      // The others fail because of the first.
      if (!either.aborted) failed.abort(error);
    }
  }));
  either.throwIfAborted();
}
