/**
 * Amounts of memory: `64m`, `1.5GiB`, `512 kb`. All units are powers of 1024.
 *
 * @module
 */

const FORM = /^(\+?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:e[-+]?[0-9]+)?) ?(?:b|([kmgtp])(?:i?b)?)?$/;
const POWERS = ["", "k", "m", "g", "t", "p"];

/** Reads a size as bytes, rounded down; undefined for anything else (Docker's units.RAMInBytes). */
export function parseSize(text: string): number | undefined {
  const found = FORM.exec(text.toLowerCase());
  if (found === null) return undefined;
  const bytes = Math.floor(Number(found[1]) * 1024 ** POWERS.indexOf(found[2] ?? ""));
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}
