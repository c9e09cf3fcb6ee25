/**
 * Opening paths inside a root so that no symlink, `..` or magic link leads out of it.
 *
 * openat2(2) with RESOLVE_IN_ROOT does it in the kernel, race-free. Where the call is missing or filtered (kernels
 * before 5.6, old seccomp lists), a walk over the components with O_PATH|O_NOFOLLOW descriptors does the same.
 *
 * @module
 */
import type { BytePath } from "../io/byte_path.ts";
import { ERRNO, SysError } from "./errno.ts";
import { close, O, openAt, readLink } from "./file.ts";
import { addressOf, lastErrno, libc, NameSlot } from "./libc.ts";
import { isDirectory, isSymlink, type Stat, statOf } from "./stat.ts";

const SYS_OPENAT2 = 437n; // the same on every architecture
const RESOLVE_NO_MAGICLINKS = 0x02n;
const RESOLVE_NO_SYMLINKS = 0x04n;
const RESOLVE_BENEATH = 0x08n;
const RESOLVE_IN_ROOT = 0x10n;
/** Bytes of a path one call takes: PATH_MAX without the NUL. */
export const MOST_PATH_BYTES = 4095;
/** As the kernel's own limit (path_resolution(7)). */
const MAX_LINKS = 40;

const slot = new NameSlot();
const how = new BigUint64Array(3);
const howAddress = addressOf(new Uint8Array(how.buffer));

/** "unknown" until the first call; one probe per thread. */
const support: { openat2: "unknown" | "yes" | "no" } = { openat2: "unknown" };

/**
 * Opens `path` with `root` (a directory descriptor) as its `/`. Absolute symlinks and `..` stay inside. The path may be
 * longer than what the kernel takes at once.
 *
 * @throws {SysError} as open(2) does; ELOOP after 40 symlinks.
 */
export function openInRoot(root: number, path: BytePath, flags: number, mode = 0): number {
  if (support.openat2 === "no") return walkInRoot(root, path, flags, mode);
  if (path.length > MOST_PATH_BYTES) return openLong(root, path, flags, mode);
  const fd = openAt2(root, path === "" ? "." : path, { flags, mode, resolve: RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS });
  if (fd >= 0) {
    support.openat2 = "yes";
    return fd;
  }
  const missing = fd === -ERRNO.ENOSYS || (fd === -ERRNO.EPERM && support.openat2 === "unknown");
  if (!missing) throw new SysError("openat2", -fd, path);
  support.openat2 = "no";
  return walkInRoot(root, path, flags, mode);
}

/** Opens a long path piece by piece; where a symlink or `..` is in the way, the walk knows what it means. */
function openLong(root: number, path: BytePath, flags: number, mode: number): number {
  const resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
  let here = root;
  try {
    for (let rest = path;;) {
      const end = rest.length <= MOST_PATH_BYTES ? -1 : rest.lastIndexOf("/", MOST_PATH_BYTES);
      const fd = end < 0
        ? openAt2(here, rest, { flags, mode, resolve })
        : openAt2(here, rest.slice(0, end), { flags: O.PATH | O.DIRECTORY, mode: 0, resolve });
      if (fd < 0) {
        const isPlain = fd !== -ERRNO.ELOOP && fd !== -ERRNO.EXDEV && support.openat2 === "yes";
        if (isPlain) throw new SysError("openat2", -fd, path);
        return walkInRoot(root, path, flags, mode);
      }
      if (end < 0) return fd;
      if (here !== root) close(here);
      here = fd;
      rest = rest.slice(end + 1);
    }
  } finally {
    if (here !== root) close(here);
  }
}

/** Returns a descriptor, or the error's number below zero. */
function openAt2(
  directory: number,
  path: BytePath,
  { flags, mode, resolve }: { readonly flags: number; readonly mode: number; readonly resolve: bigint },
): number {
  const name = slot.write(path);
  how[0] = BigInt(flags | O.CLOEXEC);
  how[1] = BigInt(mode);
  how[2] = resolve;
  // EAGAIN: something outside was renamed while ".." was resolved; the kernel asks to try again.
  for (let attempt = 0; attempt < 128; attempt++) {
    const fd = libc.syscall(SYS_OPENAT2, BigInt(directory), addressOf(name), howAddress, 24n);
    if (fd >= 0) return fd;
    const errno = lastErrno();
    if (errno !== ERRNO.EAGAIN && errno !== ERRNO.EINTR) return -errno;
  }
  return -ERRNO.EAGAIN;
}

/** As {@link openInRoot}, but returns undefined where there is nothing (ENOENT, ENOTDIR). */
export function tryOpenInRoot(root: number, path: BytePath, flags: number): number | undefined {
  try {
    return openInRoot(root, path, flags);
  } catch (error) {
    if (error instanceof SysError && error.is("ENOENT", "ENOTDIR")) return undefined;
    throw error;
  }
}

/** Returns the status of what a path leads to inside a root (its last symlink followed), or undefined. */
export function tryStatInRoot(root: number, path: BytePath): Stat | undefined {
  const fd = tryOpenInRoot(root, path, O.PATH);
  if (fd === undefined) return undefined;
  try {
    return statOf(fd);
  } finally {
    close(fd);
  }
}

/** One directory on the way of a walk. */
interface Place {
  readonly fd: number;
  readonly owned: boolean;
}

/**
 * The walk used without openat2. It keeps the descriptors of all directories on the way, so that `..` goes back to
 * the one we came from whatever is renamed meanwhile, and so never above `root`.
 */
export function walkInRoot(root: number, path: BytePath, flags: number, mode: number): number {
  const places: Place[] = [{ fd: root, owned: false }];
  const here = () => (places[places.length - 1] ?? { fd: root }).fd;
  const leave = () => {
    const place = places.length > 1 ? places.pop() : undefined;
    if (place?.owned) close(place.fd);
  };
  let wantsDirectory = namesDirectory(path);
  const pending = components(path);
  let links = 0;
  try {
    for (;;) {
      const name = pending.shift();
      if (name === undefined) return openAt(here(), ".", flags & ~(O.CREAT | O.EXCL), mode);
      if (name === "..") {
        leave();
        continue;
      }
      const last = pending.length === 0;
      if (last && (flags & O.NOFOLLOW) !== 0 && !wantsDirectory) return openAt(here(), name, flags, mode);
      const fd = openOrUndefined(here(), name, last && (flags & O.CREAT) !== 0);
      if (fd === undefined) return openAt(here(), name, flags | O.NOFOLLOW | O.EXCL, mode);
      const stat = statOf(fd);
      if (isSymlink(stat)) {
        close(fd);
        if (++links > MAX_LINKS) throw new SysError("openat", ERRNO.ELOOP, path);
        if (last && (flags & O.CREAT) !== 0 && (flags & O.EXCL) !== 0) throw new SysError("openat", ERRNO.EEXIST, path);
        const target = readLink(here(), name);
        if (target.startsWith("/")) { while (places.length > 1) leave(); }
        if (last) wantsDirectory ||= namesDirectory(target);
        pending.unshift(...components(target));
        continue;
      }
      if (last) {
        close(fd);
        return openAt(here(), name, flags | O.NOFOLLOW | (wantsDirectory ? O.DIRECTORY : 0), mode);
      }
      if (!isDirectory(stat)) {
        close(fd);
        throw new SysError("openat", ERRNO.ENOTDIR, path);
      }
      places.push({ fd, owned: true });
    }
  } finally {
    while (places.length > 1) leave();
  }
}

/** Whether a path can only mean a directory by the way it ends. */
function namesDirectory(path: BytePath): boolean {
  return /(^|\/)\.{0,2}$/.test(path);
}

function openOrUndefined(directory: number, name: BytePath, mayBeMissing: boolean): number | undefined {
  try {
    return openAt(directory, name, O.PATH | O.NOFOLLOW);
  } catch (error) {
    if (mayBeMissing && error instanceof SysError && error.is("ENOENT")) return undefined;
    throw error;
  }
}

function components(path: BytePath): BytePath[] {
  return path.split("/").filter((name) => name !== "" && name !== ".");
}
