/**
 * Removing caches of `RUN --mount=type=cache` that nobody uses any more: on a machine that builds every day they would
 * only ever grow.
 *
 * @module
 */
import { type BytePath, bytePathOf } from "../../io/byte_path.ts";
import { listDirectory } from "../../sys/directory.ts";
import { SysError } from "../../sys/errno.ts";
import * as files from "../../sys/file.ts";
import { removeTree } from "../../tree/remove.ts";
import { lastUseOf, LOCK_SUFFIX, tryLockCache } from "./cache_lock.ts";

/** What to remove. */
export interface PruneRequest {
  /** Where all caches are. */
  readonly directory: string;
  /** Caches last used before this moment go, in milliseconds since the epoch. */
  readonly usedBeforeMs: number;
}

/** Removes them; those in use stay. Runs in a Worker. @returns how many were removed */
export function pruneCaches({ directory, usedBeforeMs }: PruneRequest): number {
  const caches = bytePathOf(directory);
  const names = files.withDirectory(caches, listDirectory);
  let removed = 0;
  for (const name of names.filter((name) => name.endsWith(LOCK_SUFFIX))) {
    const home = `${caches}/${name.slice(0, -LOCK_SUFFIX.length)}`;
    const lock = tryLockCache(home, "exclusive");
    if (lock === undefined) continue;
    try {
      // What was being made or removed when its build was killed.
      const remains = names.filter((other) =>
        other.startsWith(`${name.slice(0, -LOCK_SUFFIX.length)}.`) && other !== name
      );
      for (const remain of remains) removeTree(files.AT_FDCWD, `${caches}/${remain}`);
      if (lastUseOf(lock) >= usedBeforeMs) continue;
      // The name is free at once, and what is under it is never half of a cache.
      const old = `${home}.${crypto.randomUUID()}`;
      if (renameIfThere(home, old)) removed++;
      files.unlinkAt(files.AT_FDCWD, `${home}${LOCK_SUFFIX}`);
      removeTree(files.AT_FDCWD, old);
    } finally {
      files.close(lock);
    }
  }
  return removed;
}

function renameIfThere(from: BytePath, to: BytePath): boolean {
  try {
    files.renameAt({ directory: files.AT_FDCWD, name: from }, { directory: files.AT_FDCWD, name: to });
    return true;
  } catch (error) {
    if (error instanceof SysError && error.is("ENOENT")) return false;
    throw error;
  }
}
