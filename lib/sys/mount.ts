/**
 * Mounting and unmounting in the mount namespace of this process.
 *
 * @module
 */
import type { BytePath } from "../io/byte_path.ts";
import { addressOf, checked, cString, libc } from "./libc.ts";
import { whileBusy } from "./while_busy.ts";

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

/** Constants of mount_setattr(2). */
export const ATTRIBUTE = { RECURSIVE: 0x8000 } as const;

/** `struct mount_attr` that adds flags, of those `MS` and mount_setattr(2) have the same numbers for. */
export function mountAttributes(flags: number): Uint8Array<ArrayBuffer> {
  const same = MS.RDONLY | MS.NOSUID | MS.NODEV | MS.NOEXEC;
  return new Uint8Array(new BigUint64Array([BigInt(flags & same), 0n, 0n, 0n]).buffer);
}

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
  whileBusy(() => checked("umount", libc.umount2(cString(target), flags), target), { mostMs: MAX_BUSY_MS });
}

/** A mount whose options are given one by one, so that their length has no limit. */
export interface MountParts {
  readonly type: string;
  /** Names and values, in order; a name without a value is a flag. */
  readonly options: readonly (readonly [name: string, value?: string])[];
  readonly target: BytePath;
  /** Of `MS`: RDONLY, NOSUID, NODEV, NOEXEC. */
  readonly flags: number;
}

/** Numbers of the calls and constants, the same on every architecture. */
const SYS = { MOVE_MOUNT: 429n, FSOPEN: 430n, FSCONFIG: 431n, FSMOUNT: 432n } as const;
const FSCONFIG = { SET_FLAG: 0n, SET_STRING: 1n, CREATE: 6n } as const;
const CLOEXEC = 1n;
const MOVE_MOUNT_F_EMPTY_PATH = 4n;
const AT_FDCWD = -100n;

/** Mounts with the calls of Linux 5.2. @throws {SysError} ENOSYS on an older kernel, EINVAL for an unknown option */
export function mountByParts({ type, options, target, flags }: MountParts): void {
  const [typeName, targetName, empty] = [type, target, ""].map(cString);
  const context = checked("fsopen", libc.syscall(SYS.FSOPEN, pointer(typeName), CLOEXEC, 0n, 0n));
  try {
    for (const [name, value] of options) {
      const [key, text] = [cString(name), value === undefined ? undefined : cString(value)];
      const kind = text === undefined ? FSCONFIG.SET_FLAG : FSCONFIG.SET_STRING;
      checked("fsconfig", libc.syscall5(SYS.FSCONFIG, BigInt(context), kind, addressOf(key), pointer(text), 0n), name);
    }
    checked("fsconfig", libc.syscall5(SYS.FSCONFIG, BigInt(context), FSCONFIG.CREATE, 0n, 0n, 0n), target);
    // The attributes of fsmount have the values of MS for these four.
    const attributes = BigInt(flags & (MS.RDONLY | MS.NOSUID | MS.NODEV | MS.NOEXEC));
    const made = checked("fsmount", libc.syscall(SYS.FSMOUNT, BigInt(context), CLOEXEC, attributes, 0n), target);
    try {
      const to = [AT_FDCWD & 0xffff_ffff_ffff_ffffn, pointer(targetName), MOVE_MOUNT_F_EMPTY_PATH] as const;
      checked("move_mount", libc.syscall5(SYS.MOVE_MOUNT, BigInt(made), pointer(empty), ...to), target);
    } finally {
      libc.close(made);
    }
  } finally {
    libc.close(context);
  }
}

function pointer(text: Uint8Array<ArrayBuffer> | undefined): bigint {
  return text === undefined ? 0n : addressOf(text);
}
