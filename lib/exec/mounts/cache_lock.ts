/**
 * The lock beside a cache: who has it uses the cache, and its time says when it was last used.
 *
 * @module
 */
import type { BytePath } from "../../io/byte_path.ts";
import * as files from "../../sys/file.ts";
import { inodeKey, statOf, tryStatAt } from "../../sys/stat.ts";

/** What follows the name of a cache's directory. */
export const LOCK_SUFFIX = ".lock";

/** Takes the lock, or returns undefined if another one has it. The descriptor is to be closed. */
export function tryLockCache(home: BytePath, how: "shared" | "exclusive"): number | undefined {
  for (;;) {
    const path = `${home}${LOCK_SUFFIX}`;
    const lock = files.openAt(files.AT_FDCWD, path, files.O.RDWR | files.O.CREAT, 0o600);
    const isTaken = !files.tryLock(lock, how);
    const there = isTaken ? undefined : tryStatAt(files.AT_FDCWD, path);
    // It may have been removed, with its cache, between the two calls: a lock on it keeps nobody out.
    if (there !== undefined && inodeKey(there) === inodeKey(statOf(lock))) return lock;
    files.close(lock);
    if (isTaken) return undefined;
  }
}

/** Notes that the cache is used now. */
export function noteUse(lock: number): void {
  const nowMs = Date.now();
  files.setTimeOf(lock, { sec: Math.floor(nowMs / 1000), nsec: (nowMs % 1000) * 1_000_000 });
}

/** Returns when the cache was last used, in milliseconds since the epoch. */
export function lastUseOf(lock: number): number {
  const { mtimeSec, mtimeNsec } = statOf(lock);
  return mtimeSec * 1000 + Math.floor(mtimeNsec / 1_000_000);
}
