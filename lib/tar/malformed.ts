/**
 * Why an archive is not read: the signal the parsers of this folder give, before the reader adds name and position.
 *
 * @module
 */

/**
 * Thrown by the header, PAX and sparse parsers; never leaves this folder. Its message is the state found, fit to stand
 * behind a colon: `the checksum of the header is wrong`.
 */
export class Malformed extends Error {
  override readonly name = "Malformed";
}
