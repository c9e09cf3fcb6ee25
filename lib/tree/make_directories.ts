/**
 * Making directories in a rootfs, as WORKDIR and RUN do (dockerfile.md 3.8).
 *
 * @module
 */
import { type BytePath, displayPath } from "../io/byte_path.ts";
import { explainSysError, SysError } from "../sys/errno.ts";
import { changeOwner, setTime } from "../sys/file.ts";
import { isDirectory } from "../sys/stat.ts";
import { OpenDirectories } from "./open_directories.ts";
import { cleanInRoot, realPathIn } from "./real_path.ts";

/** Who owns what is made, and which time it gets (seconds since the epoch; absent: now). */
export interface NewDirectory {
  readonly uid: number;
  readonly gid: number;
  readonly mtimeSec?: number;
}

/**
 * Makes sure that a directory is there, 0755 with its parents; what exists is left alone. Symlinks are followed inside
 * the root.
 *
 * @param root descriptor of the rootfs.
 * @throws {KilnError} kind `dockerfile`, if something that is no directory is in the way.
 */
export function makeWorkingDirectory(root: number, path: BytePath, how: NewDirectory): void {
  const directories = new OpenDirectories(root);
  try {
    // ".." in a path given as it is means the parent by name, as BuildKit's path.Clean has it.
    const place = realPathIn(root, cleanInRoot(path));
    if (place.stat !== undefined && !isDirectory(place.stat)) throw new SysError("mkdir", 20, path);
    if (place.stat !== undefined) return;
    directories.openOrMake(place.path, (_made, parent, name) => {
      changeOwner(parent.fd, name, how);
      if (how.mtimeSec !== undefined) setTime(parent.fd, name, { sec: how.mtimeSec, nsec: 0 });
    });
  } catch (error) {
    throw explainSysError(error, `make the directory "${displayPath(path)}"`, "dockerfile");
  } finally {
    directories.forget();
  }
}
