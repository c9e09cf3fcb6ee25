/**
 * Turns what the JSON readers throw into errors about the user's configuration.
 *
 * @module
 */
import { KilnError } from "../../errors.ts";

/**
 * Runs `body`; a malformed document becomes an error of kind `usage`, as it is a setting and not a broken image. The
 * cause is left out: V8 quotes the text around a JSON error, and here that may be a password.
 */
export function readingConfig<T>(body: () => T): T {
  try {
    return body();
  } catch (error) {
    throw error instanceof KilnError && error.kind === "integrity" ? new KilnError("usage", error.message) : error;
  }
}
