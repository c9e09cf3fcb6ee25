/**
 * File status by statx(2): nanosecond times, and the same layout on every architecture.
 *
 * Deno's own lstat rounds mtime to milliseconds and ctime to seconds, which is too coarse to notice edits.
 *
 * @module
 */
import type { BytePath } from "../io/byte_path.ts";
import { ERRNO, SysError } from "./errno.ts";
import { AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW } from "./file.ts";
import { lastErrno, libc, NameSlot } from "./libc.ts";

/** Type bits of a mode. */
export const S = {
  IFMT: 0o170000,
  IFSOCK: 0o140000,
  IFLNK: 0o120000,
  IFREG: 0o100000,
  IFBLK: 0o060000,
  IFDIR: 0o040000,
  IFCHR: 0o020000,
  IFIFO: 0o010000,
} as const;

/** Status of one entry. Times are split because a nanosecond count since the epoch does not fit a number. */
export interface Stat {
  /** Type and permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes. */
  readonly size: number;
  readonly nlink: number;
  readonly mtimeSec: number;
  readonly mtimeNsec: number;
  readonly ctimeSec: number;
  readonly ctimeNsec: number;
  readonly inoLow: number;
  readonly inoHigh: number;
  readonly devMajor: number;
  readonly devMinor: number;
  /** Device numbers of a device node, else 0. */
  readonly rdevMajor: number;
  readonly rdevMinor: number;
}

const STATX_BASIC_STATS = 0x7ff;
const STATX_BTIME = 0x800;

const slot = new NameSlot();
const buffer = new Uint8Array(256);
const u32 = new Uint32Array(buffer.buffer);
const i32 = new Int32Array(buffer.buffer);

/** Returns the status of an entry, of the link itself for a symlink. @throws {SysError} */
export function statAt(directory: number, name: BytePath): Stat {
  const found = tryStatAt(directory, name);
  if (found === undefined) throw new SysError("statx", ERRNO.ENOENT, name);
  return found;
}

/** Returns the status of an entry, or undefined if there is none (ENOENT, ENOTDIR). @throws {SysError} otherwise */
export function tryStatAt(directory: number, name: BytePath): Stat | undefined {
  if (libc.statx(directory, slot.write(name), AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, buffer) >= 0) return decode();
  const errno = lastErrno();
  if (errno === ERRNO.ENOENT || errno === ERRNO.ENOTDIR) return undefined;
  throw new SysError("statx", errno, name);
}

/** Returns the status of an open file. @throws {SysError} */
export function statOf(fd: number): Stat {
  if (libc.statx(fd, slot.write(""), AT_EMPTY_PATH, STATX_BASIC_STATS, buffer) >= 0) return decode();
  throw new SysError("statx", lastErrno());
}

/** Returns when an entry's inode was made, in nanoseconds since the epoch; undefined where nobody recorded it. */
export function birthTimeAt(directory: number, name: BytePath): bigint | undefined {
  if (libc.statx(directory, slot.write(name), AT_SYMLINK_NOFOLLOW, STATX_BTIME, buffer) < 0) {
    throw new SysError("statx", lastErrno(), name);
  }
  if (((u32[0] ?? 0) & STATX_BTIME) === 0) return undefined;
  const seconds = BigInt(u32[20] ?? 0) + (BigInt(i32[21] ?? 0) << 32n);
  return seconds * 1_000_000_000n + BigInt(u32[22] ?? 0);
}

function decode(): Stat {
  return {
    nlink: u32[4] ?? 0,
    uid: u32[5] ?? 0,
    gid: u32[6] ?? 0,
    mode: (u32[7] ?? 0) & 0xffff,
    inoLow: u32[8] ?? 0,
    inoHigh: u32[9] ?? 0,
    size: (u32[10] ?? 0) + (u32[11] ?? 0) * 0x1_0000_0000,
    ctimeSec: (u32[24] ?? 0) + (i32[25] ?? 0) * 0x1_0000_0000,
    ctimeNsec: u32[26] ?? 0,
    mtimeSec: (u32[28] ?? 0) + (i32[29] ?? 0) * 0x1_0000_0000,
    mtimeNsec: u32[30] ?? 0,
    rdevMajor: u32[32] ?? 0,
    rdevMinor: u32[33] ?? 0,
    devMajor: u32[34] ?? 0,
    devMinor: u32[35] ?? 0,
  };
}

/** Tells whether a status is that of a directory. */
export function isDirectory(stat: Stat): boolean {
  return (stat.mode & S.IFMT) === S.IFDIR;
}

/** Tells whether a status is that of a regular file. */
export function isFile(stat: Stat): boolean {
  return (stat.mode & S.IFMT) === S.IFREG;
}

/** Tells whether a status is that of a symlink. */
export function isSymlink(stat: Stat): boolean {
  return (stat.mode & S.IFMT) === S.IFLNK;
}

/** Returns a key that two entries share iff they are names of the same inode. */
export function inodeKey(stat: Stat): string {
  return `${stat.devMajor}:${stat.devMinor}:${stat.inoHigh}:${stat.inoLow}`;
}

/** Tells whether a status is that of a socket. */
export function isSocket(stat: Stat): boolean {
  return (stat.mode & S.IFMT) === S.IFSOCK;
}
