/**
 * What is fuzzed: code that reads bytes from strangers.
 *
 * @module
 */

/** One reader under test. */
export interface FuzzTarget {
  readonly name: string;
  /** Valid inputs and interesting ones; others are made from them. */
  readonly seeds: readonly Uint8Array[];
  /** Words worth putting into an input. */
  readonly words: readonly string[];
  /**
   * Reads an input. A KilnError is an answer; anything else that is thrown is a bug, as is an input that takes longer
   * than the runner allows.
   *
   * @returns what came of it, so that inputs with a new outcome can be told from others.
   */
  run(input: Uint8Array): string | Promise<string>;
}
