/**
 * Errors of Deno's own file calls, for people.
 *
 * @module
 */
import { KilnError } from "../errors.ts";
import { ERRNO, errnoOfDeno } from "../sys/errno.ts";

/** Turns a failed write into `Cannot <what>: <state>`, kind `disk`; other errors are returned as they are. */
export function explainWriteError(error: unknown, what: string): unknown {
  if (error instanceof KilnError || !(error instanceof Error)) return error;
  const errno = errnoOfDeno(error);
  if (errno === ERRNO.ENOSPC || errno === ERRNO.EDQUOT) {
    return new KilnError("disk", `Cannot ${what}: the file system is full`, {
      cause: error,
      hint: "free some space, or point --work-dir at a file system that has more",
    });
  }
  const isFileError = error instanceof Deno.errors.PermissionDenied || error instanceof Deno.errors.NotFound ||
    errno !== undefined;
  return isFileError ? new KilnError("disk", `Cannot ${what}: ${error.message}`, { cause: error }) : error;
}
