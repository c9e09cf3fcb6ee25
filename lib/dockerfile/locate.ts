/**
 * Giving errors their position, once, at the entry of each layer.
 *
 * @module
 */
import { KilnError } from "../errors.ts";
import type { SourceRange } from "./source.ts";

/** Runs `body` and gives a `KilnError` it throws the position `range`, unless it has one already. */
export function locate<T>(range: SourceRange, body: () => T): T {
  try {
    return body();
  } catch (error) {
    throw error instanceof KilnError ? error.locate(range) : error;
  }
}
