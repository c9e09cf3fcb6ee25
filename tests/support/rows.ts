/**
 * Tests as tables: one `Deno.test` per row, named after the rule it covers and what it shows.
 *
 * @module
 */
import assert from "node:assert/strict";
import { KilnError } from "../../lib/errors.ts";

/**
 * A row: the bullet of the language reference it covers (`1.4/2` is the second bullet of section 1.4, `1.8` the section
 * where it has no bullets), what it shows, the input, and the result, or what the message of the error must match.
 */
export type Row<Input, Result> = readonly [rule: string, shows: string, input: Input, expected: Result | RegExp];

/** Defines one test per row: `run` must return the result, or throw a `KilnError` whose message and hint match. */
export function testRows<Input, Result>(
  subject: string,
  rows: readonly Row<Input, Result>[],
  run: (input: Input) => Result,
): void {
  for (const [rule, shows, input, expected] of rows) {
    Deno.test(`${subject} [${rule}] ${shows}`, () => {
      if (expected instanceof RegExp) assert.match(faultOf(() => run(input)), expected);
      else assert.deepEqual(run(input), expected);
    });
  }
}

/** Returns message and hint of the `KilnError` that `body` throws; anything else fails the test. */
export function faultOf(body: () => unknown): string {
  try {
    const result = body();
    assert.fail(`no error, but ${JSON.stringify(result)}`);
  } catch (error) {
    if (!(error instanceof KilnError)) throw error;
    return error.hint === undefined ? error.message : `${error.message} (${error.hint})`;
  }
}
