/**
 * Cleaning up in several steps, of which none is left out because another one fails.
 *
 * @module
 */

/** Runs all, one after the other. @throws what the first one threw that did, after all have been run */
export async function runAll(actions: readonly (() => void | Promise<void>)[]): Promise<void> {
  const failures: unknown[] = [];
  for (const action of actions) {
    try {
      await action();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}
