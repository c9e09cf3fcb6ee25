/**
 * Removing entries by descriptor, never through a symlink.
 *
 * @module
 */
import type { BytePath } from "../io/byte_path.ts";
import { listDirectory } from "../sys/directory.ts";
import { SysError } from "../sys/errno.ts";
import { close, O, openAt, removeDirectoryAt, unlinkAt } from "../sys/file.ts";

/**
 * Removes an entry and everything below it.
 *
 * @returns what it was, or "nothing".
 * @throws {SysError}
 */
export function removeTree(directory: number, name: BytePath): "nothing" | "directory" | "other" {
  try {
    unlinkAt(directory, name);
    return "other";
  } catch (error) {
    if (!(error instanceof SysError)) throw error;
    if (error.is("ENOENT")) return "nothing";
    // unlink of a directory: EISDIR on Linux, EPERM where POSIX is followed to the letter.
    if (!error.is("EISDIR", "EPERM")) throw error;
  }
  emptyDirectory(directory, name);
  removeDirectoryAt(directory, name);
  return "directory";
}

/** Removes everything in a directory that is not a symlink. @throws {SysError} */
function emptyDirectory(directory: number, name: BytePath): void {
  const fd = openAt(directory, name, O.RDONLY | O.DIRECTORY | O.NOFOLLOW);
  try {
    for (const child of listDirectory(fd)) removeTree(fd, child);
  } finally {
    close(fd);
  }
}
