/**
 * Failed file operations, in words.
 *
 * @module
 */
import { KilnError } from "../errors.ts";

const REASONS: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EDQUOT: "the disk quota is used up",
  EFBIG: "the file would be larger than is allowed",
  EISDIR: "it is a directory",
  ELOOP: "its path has too many symbolic links",
  ENAMETOOLONG: "its name is too long",
  ENOENT: "a part of its path does not exist",
  ENOSPC: "the file system is full",
  ENOTDIR: "a part of its path is not a directory",
  EPERM: "the operation is not permitted",
  EROFS: "the file system is read-only",
  EXDEV: "its path leads to another file system",
};

/** Runs `body`; a failed file operation becomes `Cannot <action>: <reason>`, kind `disk`. */
export async function explainingFileErrors<T>(action: string, body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (error) {
    throw explainFileError(error, action);
  }
}

function explainFileError(error: unknown, action: string): unknown {
  if (error instanceof KilnError || !(error instanceof Error) || !("code" in error)) return error;
  const code = String(error.code);
  if (!/^E[A-Z0-9]+$/.test(code)) return error;
  const hint = code === "ENOSPC" || code === "EDQUOT" ? { hint: "free some space or choose another place" } : {};
  return new KilnError("disk", `Cannot ${action}: ${REASONS[code] ?? code}`, { cause: error, ...hint });
}
