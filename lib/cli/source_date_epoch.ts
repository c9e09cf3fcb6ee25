/**
 * `SOURCE_DATE_EPOCH`: the time that no time in the image may exceed (https://reproducible-builds.org/specs).
 *
 * @module
 */
import { KilnError } from "../errors.ts";

/** 9999-12-31T23:59:59Z: later years have no RFC 3339 form, which configs need. */
const LATEST = 253_402_300_799;

/**
 * Reads the value of `SOURCE_DATE_EPOCH`, in seconds since 1970. Empty text means that it is not set.
 *
 * BuildKit's word `context` (the time of the context's commit or archive) is no time for a directory, the only
 * kind of context so far; so it means "not set" too (dockerfile.md 2.4).
 *
 * @throws {KilnError} kind `usage`, naming `origin`, where the value comes from.
 */
export function parseSourceDateEpoch(text: string, origin: string): number | undefined {
  if (text === "" || text === "context") return undefined;
  const seconds = /^[0-9]{1,12}$/.test(text) ? Number(text) : undefined;
  if (seconds !== undefined && seconds <= LATEST) return seconds;
  throw new KilnError("usage", `Cannot use ${origin} "${text}": it is not a number of seconds since 1970`, {
    hint: 'for example SOURCE_DATE_EPOCH="$(git log -1 --format=%ct)"',
  });
}
