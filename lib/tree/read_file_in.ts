/**
 * Reading a small file inside a tree that is not ours to trust.
 *
 * @module
 */
import { KilnError } from "../errors.ts";
import { type BytePath, displayPath } from "../io/byte_path.ts";
import { explainSysError } from "../sys/errno.ts";
import { close, O, read, withDirectory } from "../sys/file.ts";
import { tryOpenInRoot } from "../sys/resolve.ts";
import { isFile, statOf } from "../sys/stat.ts";

/**
 * Reads a regular file; symlinks are followed inside the tree.
 *
 * @returns undefined, if there is nothing at that path.
 * @throws {KilnError} kind `integrity`, if it is no regular file or has more than `limit` bytes: it may be a link to
 *   /dev/zero (attack S31).
 */
export function readFileIn(root: BytePath, path: BytePath, limit: number): Uint8Array<ArrayBuffer> | undefined {
  return withDirectory(root, (directory) => readFileAt(directory, path, limit));
}

/** As `readFileIn`, for a root that is open. */
export function readFileAt(root: number, path: BytePath, limit: number): Uint8Array<ArrayBuffer> | undefined {
  const fd = open(root, path);
  if (fd === undefined) return undefined;
  try {
    const refuse = (why: string) => new KilnError("integrity", `Cannot read "${displayPath(path)}": ${why}`);
    const stat = statOf(fd);
    if (!isFile(stat)) throw refuse("it is not a regular file");
    if (stat.size > limit) throw refuse(`it is larger than ${limit} bytes`);
    const bytes = new Uint8Array(stat.size);
    let used = 0;
    while (used < bytes.length) {
      const count = read(fd, bytes.subarray(used));
      if (count === 0) break;
      used += count;
    }
    return bytes.subarray(0, used);
  } finally {
    close(fd);
  }
}

function open(root: number, path: BytePath): number | undefined {
  try {
    // A FIFO must not be waited for.
    return tryOpenInRoot(root, path, O.RDONLY | O.NONBLOCK);
  } catch (error) {
    throw explainSysError(error, `read "${displayPath(path)}"`, "integrity");
  }
}
