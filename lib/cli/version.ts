/**
 * The version of Kiln: the one place that names it.
 *
 * @module
 */

/** The version, without a leading "v". */
export const VERSION = "0.1.0";

/** What `executor version` prints: kaniko's form, which scripts take apart, with our name. */
export function formatVersion(): string {
  return `Kiln version :  v${VERSION}`;
}
