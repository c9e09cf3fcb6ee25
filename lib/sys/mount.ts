/**
 * Mounting and unmounting in the mount namespace of this process.
 *
 * @module
 */
import type { BytePath } from "../io/byte_path.ts";
import { SysError } from "./errno.ts";
import { checked, cString, libc } from "./libc.ts";

/** Flags of mount(2). */
export const MS = {
  RDONLY: 0x1,
  NOSUID: 0x2,
  NODEV: 0x4,
  NOEXEC: 0x8,
  REMOUNT: 0x20,
  NOATIME: 0x400,
  BIND: 0x1000,
  MOVE: 0x2000,
  REC: 0x4000,
  PRIVATE: 0x40000,
  SLAVE: 0x80000,
  RELATIME: 0x200000,
  STRICTATIME: 0x1000000,
} as const;

/** Flags of umount2(2). */
export const MNT = { DETACH: 2, NOFOLLOW: 8 } as const;

/** What to mount where. */
export interface MountCall {
  /** A device, a directory for a bind mount, or a word for pseudo file systems. */
  readonly source: BytePath;
  readonly target: BytePath;
  readonly type: string;
  readonly flags: number;
  /** Options of the file system, comma-separated, at most a page. */
  readonly options?: BytePath;
}

/** Mounts. @throws {SysError} */
export function mount(call: MountCall): void {
  const options = call.options === undefined ? null : cString(call.options);
  const rc = libc.mount(cString(call.source), cString(call.target), cString(call.type), BigInt(call.flags), options);
  checked(`mount ${call.type || "bind"} at`, rc, call.target);
}

const MAX_BUSY_MS = 1000;

/**
 * Unmounts.
 *
 * EBUSY is waited out for a moment: a child that another stage starts has copies of all our descriptors, and its execve
 * wakes us (CLONE_VFORK ends with the exchange of its memory) before it closes them.
 *
 * @throws {SysError}
 */
export function unmount(target: BytePath, flags = 0): void {
  for (let waited = 0;; waited++) {
    try {
      checked("umount", libc.umount2(cString(target), flags), target);
      return;
    } catch (error) {
      if (!(error instanceof SysError && error.is("EBUSY")) || waited >= MAX_BUSY_MS) throw error;
    }
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
  }
}
