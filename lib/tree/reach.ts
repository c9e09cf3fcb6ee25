/**
 * Paths longer than the kernel takes.
 *
 * A call takes 4,095 bytes of path; who goes step by step makes deeper trees, and base images may hold them.
 *
 * @module
 */
import type { BytePath } from "../io/byte_path.ts";
import { close, O } from "../sys/file.ts";
import { MOST_PATH_BYTES, openInRoot } from "../sys/resolve.ts";

/**
 * Calls `body` with a directory and a name in it that stand for a path below `root` ("" is the root itself, "." in it):
 * those given, unless the path is too long.
 *
 * @param path without symlinks on the way.
 */
export function reach<T>(root: number, path: BytePath, body: (directory: number, name: BytePath) => T): T {
  if (path.length <= MOST_PATH_BYTES) return body(root, path === "" ? "." : path);
  const slash = path.lastIndexOf("/");
  const parent = openInRoot(root, path.slice(0, slash), O.RDONLY | O.DIRECTORY);
  try {
    return body(parent, path.slice(slash + 1));
  } finally {
    close(parent);
  }
}
