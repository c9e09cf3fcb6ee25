/**
 * Relying on the files of the root we are in, where builds in place may put others there.
 *
 * @module
 */
import { dirname } from "node:path/posix";
import { bytePathOf } from "../io/byte_path.ts";
import { RootLock } from "../rootfs/root_lock.ts";
import { WorkDirectory } from "../store/work_directory.ts";
import { IMAGE_DIRECTORY } from "./isolation_options.ts";

/** Where the trees of builds in place are, if they cannot be in the work directory. */
export const NEAR_ROOT: readonly string[] = [IMAGE_DIRECTORY, "/.kiln"];

/**
 * Sees to it that what is in the root are the container's own files, and stay that while the lock is held, before any of
 * them is looked at: a build in place that was killed may have left the image's, credentials and all (S29).
 *
 * @returns undefined where nobody builds in place
 * @throws {KilnError} kind `interrupted`, if another build has put its image there; kind `disk`, if the container's own
 *   files cannot be put back
 */
export function holdRoot(
  { executable, force = false }: { readonly executable: string; readonly force?: boolean },
): RootLock | undefined {
  // On a machine anybody could keep us from it by a lock of theirs.
  if (dirname(executable) !== IMAGE_DIRECTORY && !force) return undefined;
  const lock = RootLock.share(bytePathOf("/"));
  try {
    NEAR_ROOT.forEach(WorkDirectory.cleanUp);
    return lock;
  } catch (error) {
    lock[Symbol.dispose]();
    throw error;
  }
}
