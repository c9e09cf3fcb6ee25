/**
 * The error for repository data that is not what it should be.
 *
 * @module
 */
import { KilnError } from "../errors.ts";

/** Makes an error of kind `integrity`; `found` completes "Cannot read the pack: ". */
export function malformedPack(found: string): KilnError {
  return new KilnError("integrity", `Cannot read the pack: ${found}`);
}

/** Makes an error of kind `integrity` about one object. */
export function malformedObject(id: string, found: string): KilnError {
  return new KilnError("integrity", `Cannot read the object ${id}: ${found}`);
}
