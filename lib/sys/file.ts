/**
 * Files by descriptor: opening below a directory descriptor, reading, writing, and everything that changes an entry.
 *
 * Names are single components or paths without any promise of confinement: callers that start from a rootfs or a
 * context open the parent with `resolve.ts` first and pass one component here. No function follows a symlink in the
 * last component unless it says so.
 *
 * @module
 */
import type { BytePath } from "../io/byte_path.ts";
import { ERRNO, SysError } from "./errno.ts";
import { addressOf, checked, lastErrno, libc, NameSlot } from "./libc.ts";

/** Flags of open(2), for x86-64 and arm64 (which differ in four of them). */
export const O = Deno.build.arch === "aarch64"
  ? { ...commonFlags(), DIRECTORY: 0o40000, NOFOLLOW: 0o100000, DIRECT: 0o200000, LARGEFILE: 0o400000 }
  : { ...commonFlags(), DIRECTORY: 0o200000, NOFOLLOW: 0o400000, DIRECT: 0o40000, LARGEFILE: 0o100000 };

function commonFlags(): Record<
  "RDONLY" | "WRONLY" | "RDWR" | "CREAT" | "EXCL" | "TRUNC" | "APPEND" | "NONBLOCK" | "CLOEXEC" | "PATH" | "NOATIME",
  number
> {
  return {
    RDONLY: 0,
    WRONLY: 1,
    RDWR: 2,
    CREAT: 0o100,
    EXCL: 0o200,
    TRUNC: 0o1000,
    APPEND: 0o2000,
    NONBLOCK: 0o4000,
    NOATIME: 0o1000000,
    CLOEXEC: 0o2000000,
    PATH: 0o10000000,
  };
}

/** Stands for the current directory where a directory descriptor is asked for; absolute paths ignore it. */
export const AT_FDCWD = -100;

const AT_SYMLINK_NOFOLLOW = 0x100;
const AT_EMPTY_PATH = 0x1000;
const AT_REMOVEDIR = 0x200;

const first = new NameSlot();
const second = new NameSlot();

/** Opens `name` below `directory`; close-on-exec is always added. @throws {SysError} */
export function openAt(directory: number, name: BytePath, flags: number, mode = 0): number {
  for (;;) {
    const fd = libc.openat(directory, first.write(name), flags | O.CLOEXEC, mode);
    if (fd >= 0) return fd;
    const errno = lastErrno();
    if (errno !== ERRNO.EINTR) throw new SysError("openat", errno, name);
  }
}

/** Opens a directory by path for use as `directory` in the other calls. Follows symlinks. @throws {SysError} */
export function openDirectory(path: BytePath): number {
  return openAt(AT_FDCWD, path, O.RDONLY | O.DIRECTORY);
}

/** Closes a descriptor. @throws {SysError} if the kernel reports a delayed write error (full disk over NFS). */
export function close(fd: number): void {
  if (libc.close(fd) >= 0) return;
  const errno = lastErrno();
  if (errno !== ERRNO.EINTR) throw new SysError("close", errno);
}

/** Opens a directory, hands its descriptor to `body` and closes it. */
export function withDirectory<T>(path: BytePath, body: (fd: number) => T): T {
  const fd = openDirectory(path);
  try {
    return body(fd);
  } finally {
    close(fd);
  }
}

/** The same for a directory in another one that is not a symlink. @throws {SysError} */
export function withChild<T>(directory: number, name: BytePath, body: (fd: number) => T): T {
  const fd = openChild(directory, name);
  try {
    return body(fd);
  } finally {
    close(fd);
  }
}

/** Opens a directory in another one that is not a symlink. @throws {SysError} ENOTDIR, ELOOP */
export function openChild(directory: number, name: BytePath): number {
  return openAt(directory, name, O.RDONLY | O.DIRECTORY | O.NOFOLLOW);
}

/** Reads up to `buffer.length` bytes; 0 is the end of the file. @throws {SysError} */
export function read(fd: number, buffer: Uint8Array<ArrayBuffer>): number {
  for (;;) {
    const count = libc.read(fd, buffer, buffer.length);
    if (count >= 0) return count;
    const errno = lastErrno();
    if (errno !== ERRNO.EINTR) throw new SysError("read", errno);
  }
}

/** Reads up to `buffer.length` bytes from `offset` on, leaving the file's own position; 0 is the end of the file. */
export function readAt(fd: number, buffer: Uint8Array<ArrayBuffer>, offset: number): number {
  for (;;) {
    const count = libc.pread(fd, buffer, buffer.length, BigInt(offset));
    if (count >= 0) return count;
    const errno = lastErrno();
    if (errno !== ERRNO.EINTR) throw new SysError("pread", errno);
  }
}

/** Writes all of `bytes`. @throws {SysError} */
export function writeAll(fd: number, bytes: Uint8Array<ArrayBuffer>): void {
  const base = bytes.length === 0 ? 0n : addressOf(bytes);
  for (let done = 0; done < bytes.length;) {
    const count = libc.write_at(fd, base + BigInt(done), bytes.length - done);
    if (count >= 0) {
      done += count;
      continue;
    }
    const errno = lastErrno();
    if (errno !== ERRNO.EINTR) throw new SysError("write", errno);
  }
}

/** Writes all of `bytes` at `offset`, leaving the file's own position. @throws {SysError} */
export function writeAt(fd: number, bytes: Uint8Array<ArrayBuffer>, offset: number): void {
  for (let done = 0; done < bytes.length;) {
    const rest = bytes.subarray(done);
    const count = libc.pwrite(fd, rest, rest.length, BigInt(offset + done));
    if (count >= 0) {
      done += count;
      continue;
    }
    const errno = lastErrno();
    if (errno !== ERRNO.EINTR) throw new SysError("pwrite", errno);
  }
}

/** Returns where in the file the next read or write takes place. @throws {SysError} */
export function positionOf(fd: number): number {
  const SEEK_CUR = 1;
  const position = libc.lseek(fd, 0n, SEEK_CUR);
  if (position >= 0n) return Number(position);
  throw new SysError("lseek", lastErrno());
}

/** Sets where in the file the next read or write takes place. @throws {SysError} */
export function setPosition(fd: number, offset: number): void {
  if (libc.lseek(fd, BigInt(offset), 0) < 0n) throw new SysError("lseek", lastErrno());
}

/** Returns where data begins at or after `offset`; undefined if holes are all that is left. @throws {SysError} */
export function dataFrom(fd: number, offset: number): number | undefined {
  const SEEK_DATA = 3;
  const found = libc.lseek(fd, BigInt(offset), SEEK_DATA);
  if (found >= 0n) return Number(found);
  const errno = lastErrno();
  if (errno === ERRNO.ENXIO) return undefined;
  // A file system that knows of no holes.
  if (errno === ERRNO.EINVAL) return offset;
  throw new SysError("lseek", errno);
}

/** Returns where a hole begins at or after `offset`: at the end of the file if nowhere before. @throws {SysError} */
export function holeFrom(fd: number, offset: number): number {
  const SEEK_HOLE = 4;
  const found = libc.lseek(fd, BigInt(offset), SEEK_HOLE);
  if (found >= 0n) return Number(found);
  const errno = lastErrno();
  if (errno === ERRNO.ENXIO || errno === ERRNO.EINVAL) return Infinity;
  throw new SysError("lseek", errno);
}

/** Cuts a file, or lengthens it by a hole. @throws {SysError} */
export function setSize(fd: number, size: number): void {
  checked("ftruncate", libc.ftruncate(fd, BigInt(size)));
}

/** Copies up to `count` bytes between descriptors inside the kernel; returns how many, 0 at the end. */
export function sendFile(to: number, from: number, count: number): number {
  for (;;) {
    const moved = libc.sendfile(to, from, null, count);
    if (moved >= 0) return moved;
    const errno = lastErrno();
    if (errno !== ERRNO.EINTR) throw new SysError("sendfile", errno);
  }
}

/** Makes a directory. @throws {SysError} */
export function makeDirectory(directory: number, name: BytePath, mode: number): void {
  checked("mkdirat", libc.mkdirat(directory, first.write(name), mode), name);
}

/** Makes a FIFO, a device or an empty file, as the type bits of `mode` say. @throws {SysError} */
export function makeNode(directory: number, name: BytePath, how: { mode: number; major: number; minor: number }): void {
  checked("mknodat", libc.mknodat(directory, first.write(name), how.mode, encodeDevice(how.major, how.minor)), name);
}

/** Makes a symlink with this exact target. @throws {SysError} */
export function makeSymlink(target: BytePath, directory: number, name: BytePath): void {
  checked("symlinkat", libc.symlinkat(first.write(target), directory, second.write(name)), name);
}

/** Gives an entry a second name. Does not follow `from.name`. @throws {SysError} */
export function makeLink(from: { directory: number; name: BytePath }, to: { directory: number; name: BytePath }): void {
  const rc = libc.linkat(from.directory, first.write(from.name), to.directory, second.write(to.name), 0);
  checked("linkat", rc, to.name);
}

/** Removes an entry that is not a directory. @throws {SysError} */
export function unlinkAt(directory: number, name: BytePath): void {
  checked("unlinkat", libc.unlinkat(directory, first.write(name), 0), name);
}

/** Removes an empty directory. @throws {SysError} */
export function removeDirectoryAt(directory: number, name: BytePath): void {
  checked("rmdir", libc.unlinkat(directory, first.write(name), AT_REMOVEDIR), name);
}

/** Renames an entry, replacing what is there. @throws {SysError} */
export function renameAt(from: { directory: number; name: BytePath }, to: { directory: number; name: BytePath }): void {
  const rc = libc.renameat(from.directory, first.write(from.name), to.directory, second.write(to.name));
  checked("renameat", rc, to.name);
}

/** Changes the owner of an entry, of the link itself for a symlink. Clears setuid and setgid bits. @throws {SysError} */
export function changeOwner(directory: number, name: BytePath, owner: { uid: number; gid: number }): void {
  const rc = libc.fchownat(directory, first.write(name), owner.uid, owner.gid, AT_SYMLINK_NOFOLLOW);
  checked("fchownat", rc, name);
}

/** Changes the owner of an open file. @throws {SysError} */
export function changeOwnerOf(fd: number, owner: { uid: number; gid: number }): void {
  checked("fchown", libc.fchown(fd, owner.uid, owner.gid));
}

/** Changes the permission bits of an open file. @throws {SysError} */
export function changeModeOf(fd: number, mode: number): void {
  checked("fchmod", libc.fchmod(fd, mode & 0o7777));
}

/**
 * Changes the permission bits of an entry that is not a symlink: the kernel call behind this follows links, so the
 * caller must know the type. @throws {SysError}
 */
export function changeMode(directory: number, name: BytePath, mode: number): void {
  checked("fchmodat", libc.fchmodat(directory, first.write(name), mode & 0o7777, 0), name);
}

const times = new BigInt64Array(4);
const timesBytes = new Uint8Array(times.buffer);

/** Sets the modification time of an entry (of the link itself for a symlink), and the access time to the same. */
export function setTime(directory: number, name: BytePath, time: { sec: number; nsec: number }): void {
  fillTimes(time);
  checked("utimensat", libc.utimensat(directory, first.write(name), timesBytes, AT_SYMLINK_NOFOLLOW), name);
}

/** Sets the modification and access time of an open file. @throws {SysError} */
export function setTimeOf(fd: number, time: { sec: number; nsec: number }): void {
  fillTimes(time);
  checked("futimens", libc.futimens(fd, timesBytes));
}

function fillTimes(time: { sec: number; nsec: number }): void {
  times[0] = times[2] = BigInt(time.sec);
  times[1] = times[3] = BigInt(time.nsec);
}

const linkTarget = new Uint8Array(4097);

/** Returns the target of a symlink. @throws {SysError} EINVAL if it is none. */
export function readLink(directory: number, name: BytePath): BytePath {
  const length = checked("readlinkat", libc.readlinkat(directory, first.write(name), linkTarget, 4097), name);
  let target = "";
  // Targets are short; one call per 4 KiB at most, so that no argument list grows beyond what V8 takes.
  target += String.fromCharCode.apply(null, linkTarget.subarray(0, length) as unknown as number[]);
  return target;
}

/**
 * Takes a lock on an open file if nobody holds one against it, and returns whether it did. Locks go with the last
 * descriptor of the open file. There is no call that waits: nothing could end it. @throws {SysError}
 */
export function tryLock(fd: number, kind: "shared" | "exclusive"): boolean {
  if (libc.flock(fd, (kind === "shared" ? 1 : 2) | 4) === 0) return true;
  const errno = lastErrno();
  if (errno === ERRNO.EAGAIN) return false;
  throw new SysError("flock", errno);
}

/** Gives up a lock. @throws {SysError} */
export function unlock(fd: number): void {
  checked("flock", libc.flock(fd, 8));
}

/** Makes a pipe, both ends close-on-exec. @throws {SysError} */
export function makePipe(): { readEnd: number; writeEnd: number } {
  const ends = new Int32Array(2);
  checked("pipe2", libc.pipe2(new Uint8Array(ends.buffer), O.CLOEXEC));
  return { readEnd: ends[0] ?? -1, writeEnd: ends[1] ?? -1 };
}

/** Makes an anonymous file in memory that may be executed. @throws {SysError} */
export function makeMemoryFile(name: BytePath): number {
  const [MFD_CLOEXEC, MFD_EXEC] = [0x1, 0x10];
  // Some hosts make such files executable only if asked to; kernels before 6.3 do not know the flag.
  const fd = libc.memfd_create(first.write(name), MFD_CLOEXEC | MFD_EXEC);
  return fd >= 0 ? fd : checked("memfd_create", libc.memfd_create(first.write(name), MFD_CLOEXEC));
}

/** Returns the numbers statx reports for an encoded device, the other way round: glibc's makedev. */
export function encodeDevice(major: number, minor: number): bigint {
  const [high, low] = [BigInt(major), BigInt(minor)];
  return ((high & 0xfffff000n) << 32n) | ((high & 0xfffn) << 8n) | ((low & 0xffffff00n) << 12n) | (low & 0xffn);
}

/** Flag for calls that take a descriptor in place of a name. */
export { AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW };
