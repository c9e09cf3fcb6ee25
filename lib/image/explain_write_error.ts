/**
 * Errors of Deno's own file calls, for people.
 *
 * @module
 */
import { KilnError } from "../errors.ts";

/** Turns a failed write into `Cannot <what>: <state>`, kind `disk`; other errors are returned as they are. */
export function explainWriteError(error: unknown, what: string): unknown {
  if (error instanceof KilnError || !(error instanceof Error)) return error;
  const text = error.message;
  if (/os error (28|122)\b/.test(text)) {
    return new KilnError("disk", `Cannot ${what}: the file system is full`, {
      cause: error,
      hint: "free some space, or point --work-dir at a file system that has more",
    });
  }
  const isFileError = error instanceof Deno.errors.PermissionDenied || error instanceof Deno.errors.NotFound ||
    /os error [0-9]+/.test(text);
  return isFileError ? new KilnError("disk", `Cannot ${what}: ${text}`, { cause: error }) : error;
}
