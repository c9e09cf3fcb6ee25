/**
 * Booleans as Go's strconv.ParseBool reads them.
 *
 * @module
 */

const TRUE: readonly string[] = ["1", "t", "T", "TRUE", "true", "True"];
const FALSE: readonly string[] = ["0", "f", "F", "FALSE", "false", "False"];

/** Reads a boolean; undefined for anything else. */
export function parseBoolean(text: string): boolean | undefined {
  if (TRUE.includes(text)) return true;
  return FALSE.includes(text) ? false : undefined;
}

/** Every word that {@link parseBoolean} knows, for hints. */
export const BOOLEAN_WORDS: readonly string[] = [...TRUE, ...FALSE];
