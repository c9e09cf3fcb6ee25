/**
 * The error of a compressed stream that cannot be read.
 *
 * @module
 */
import { KilnError, type KilnErrorOptions } from "../errors.ts";

/** Returns `Cannot decompress <kind> data: <found>`, kind `integrity`. */
export function corrupt(kind: string, found: string, options: KilnErrorOptions = {}): KilnError {
  return new KilnError("integrity", `Cannot decompress ${kind} data: ${found}`, options);
}
