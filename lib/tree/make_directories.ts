/**
 * Making directories in a rootfs, as WORKDIR and RUN do (dockerfile.md 3.8).
 *
 * @module
 */
import { type BytePath, bytePathOf, displayPath } from "../io/byte_path.ts";
import { explainSysError, SysError } from "../sys/errno.ts";
import { setTime, withDirectory } from "../sys/file.ts";
import { isDirectory, S } from "../sys/stat.ts";
import type { Metadata } from "./metadata_access.ts";
import { OpenDirectories, type OpenDirectory } from "./open_directories.ts";
import { cleanInRoot, realPathIn } from "./real_path.ts";

const SETGID = 0o2000;

/** Who owns what is made, and which time it gets (seconds since the epoch; absent: now). */
export interface NewDirectory {
  /** Absent: root, and the group that the directory it is made in gives. */
  readonly owner?: { readonly uid: number; readonly gid: number } | undefined;
  readonly mtimeSec?: number;
}

/** Which directory, and what it is like when it has to be made. */
export interface WorkingDirectory {
  /** The rootfs. */
  readonly root: BytePath;
  readonly path: BytePath;
  readonly how: NewDirectory;
}

/**
 * Makes sure that a directory is there, 0755 with its parents; what exists is left alone. Symlinks are followed inside
 * the root.
 *
 * @throws {KilnError} kind `dockerfile`, if something that is no directory is in the way.
 */
export function makeWorkingDirectory(request: WorkingDirectory, metadata: Metadata): void {
  withDirectory(request.root, (root) => makeIn(root, request, metadata));
}

function makeIn(root: number, { path, how }: WorkingDirectory, metadata: Metadata): void {
  const directories = new OpenDirectories(root);
  try {
    // ".." in a path given as it is means the parent by name, as BuildKit's path.Clean has it.
    const place = realPathIn(root, cleanInRoot(path));
    if (place.stat !== undefined && !isDirectory(place.stat)) throw new SysError("mkdir", 20, path);
    if (place.stat !== undefined) return;
    directories.openOrMake(place.path, (_made, parent, name) => {
      applyToNew({ parent, name }, { mode: 0o755, owner: how.owner }, metadata);
      if (how.mtimeSec !== undefined) setTime(parent.fd, name, { sec: how.mtimeSec, nsec: 0 });
    });
  } catch (error) {
    throw explainSysError(error, `make the directory "${displayPath(path)}"`, "dockerfile");
  } finally {
    directories.forget();
  }
}

/**
 * Gives a directory that was just made mode and owner, as Linux has it: a setgid one passes on its bit to what is made in
 * it, and its group to what is given none.
 */
export function applyToNew(
  { parent, name }: { readonly parent: OpenDirectory; readonly name: BytePath },
  { mode, owner }: { readonly mode: number; readonly owner: NewDirectory["owner"] },
  metadata: Metadata,
): void {
  const around = metadata.statAt(parent.fd, bytePathOf("."));
  const isPassedOn = (around.mode & SETGID) !== 0;
  metadata.apply({ directory: parent.fd, name }, {
    mode: S.IFDIR | mode | (isPassedOn ? SETGID : 0),
    owner: owner ?? { uid: 0, gid: isPassedOn ? around.gid : 0 },
  });
}
