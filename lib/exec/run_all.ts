/**
 * Cleaning up in several steps, of which none is left out because another one fails.
 *
 * @module
 */

/** Runs all, in order. @throws what the first one threw that did, after all have been run */
export function runAll(actions: readonly (() => void)[]): void {
  const failures: unknown[] = [];
  for (const action of actions) {
    try {
      action();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}
