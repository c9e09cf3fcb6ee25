/**
 * Checking errors by what the user reads.
 *
 * @module
 */
import assert from "node:assert/strict";
import { type ErrorKind, KilnError } from "../../../lib/errors.ts";

/** What an error is expected to say; `hint` is only checked when it is given. */
export interface ExpectedError {
  readonly kind?: ErrorKind;
  readonly message: string;
  readonly hint?: string;
}

/** Checks that `body` throws such a `KilnError`; the kind is `usage` unless the test says otherwise. */
export function assertThrows(body: () => unknown, expected: ExpectedError): void {
  assert.throws(body, (error) => {
    assertError(error, expected);
    return true;
  });
}

/** Checks that an error is such a `KilnError`. */
export function assertError(error: unknown, { kind = "usage", message, hint }: ExpectedError): void {
  assert.ok(error instanceof KilnError, String(error));
  assert.deepEqual({ kind: error.kind, message: error.message }, { kind, message });
  if (hint !== undefined) assert.equal(error.hint, hint);
}
