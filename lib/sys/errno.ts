/**
 * System call errors as values.
 *
 * @module
 */
import { type ErrorKind, KilnError } from "../errors.ts";
import { type BytePath, displayPath } from "../io/byte_path.ts";

/** The errno values this code base branches on or explains; the numbers are those of Linux on every architecture. */
export const ERRNO = {
  EPERM: 1,
  ENOENT: 2,
  ESRCH: 3,
  EINTR: 4,
  EIO: 5,
  ENXIO: 6,
  E2BIG: 7,
  ENOEXEC: 8,
  EBADF: 9,
  ECHILD: 10,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EFAULT: 14,
  EBUSY: 16,
  EEXIST: 17,
  EXDEV: 18,
  ENODEV: 19,
  ENOTDIR: 20,
  EISDIR: 21,
  EINVAL: 22,
  ENFILE: 23,
  EMFILE: 24,
  ETXTBSY: 26,
  EFBIG: 27,
  ENOSPC: 28,
  EROFS: 30,
  EMLINK: 31,
  EPIPE: 32,
  ERANGE: 34,
  ENAMETOOLONG: 36,
  ENOSYS: 38,
  ENOTEMPTY: 39,
  ELOOP: 40,
  ENODATA: 61,
  EOVERFLOW: 75,
  EOPNOTSUPP: 95,
  ESTALE: 116,
  EDQUOT: 122,
} as const;

/** The name of an errno value this code base knows. */
export type ErrnoName = keyof typeof ERRNO;

const NAMES: ReadonlyMap<number, string> = new Map(Object.entries(ERRNO).map(([name, number]) => [number, name]));

const TEXTS: Readonly<Partial<Record<ErrnoName, string>>> = {
  EPERM: "the operation is not permitted",
  ENOENT: "there is no such file or directory",
  EIO: "the device reports an input/output error",
  EACCES: "permission is denied",
  EBUSY: "it is in use",
  EEXIST: "it exists already",
  ENOTDIR: "something that is not a directory is in the way",
  EISDIR: "it is a directory",
  EINVAL: "the kernel calls it invalid",
  EAGAIN: "processes or memory are short for the moment",
  EMFILE: "too many files are open (raise the open files limit)",
  ENFILE: "too many files are open on this system",
  ENOMEM: "memory is exhausted",
  ENOSPC: "the file system is full (or out of inodes)",
  EDQUOT: "the disk quota is used up",
  EROFS: "the file system is read-only",
  EMLINK: "the file has too many hard links",
  ENAMETOOLONG: "the name is too long",
  ENOTEMPTY: "the directory is not empty",
  ELOOP: "there are too many levels of symbolic links",
  EOPNOTSUPP: "the file system does not support it",
  EFBIG: "the file would be too large",
  ESTALE: "the file handle is stale",
};

/** A failed system call. Caught and explained by the code that knows what was being done. */
export class SysError extends Error {
  override readonly name = "SysError";
  /** The call that failed. */
  readonly call: string;
  readonly errno: number;
  /** The path it was about, if any. */
  readonly subject: BytePath | undefined;

  constructor(call: string, errno: number, subject?: BytePath) {
    super(`${call}${subject === undefined ? "" : ` "${displayPath(subject)}"`}: ${describeErrno(errno)}`);
    this.call = call;
    this.errno = errno;
    this.subject = subject;
  }

  /** Tells whether errno is one of the named values. */
  is(...names: readonly ErrnoName[]): boolean {
    return names.some((name) => ERRNO[name] === this.errno);
  }
}

/** Returns the name of an errno value, or `errno N`. */
function errnoName(errno: number): string {
  return NAMES.get(errno) ?? `errno ${errno}`;
}

/** Returns what an errno value means, in words where we have them. */
export function describeErrno(errno: number): string {
  const name = errnoName(errno);
  const text = TEXTS[name as ErrnoName];
  return text === undefined ? name : `${text} (${name})`;
}

/** What the host is to blame for, whatever was being done. */
const HOST_FAULTS: Readonly<Partial<Record<ErrnoName, ErrorKind>>> = {
  ENOSPC: "disk",
  EDQUOT: "disk",
  EROFS: "disk",
  EIO: "disk",
  EMLINK: "disk",
  EPERM: "denied",
  EACCES: "denied",
  EMFILE: "interrupted",
  ENFILE: "interrupted",
  ENOMEM: "interrupted",
  EAGAIN: "interrupted",
};

/** What the host is to blame for when nobody who knows what was being done has explained it. */
const LEFTOVERS: Readonly<Partial<Record<ErrnoName, ErrorKind>>> = {
  ...HOST_FAULTS,
  EBUSY: "disk",
  EFBIG: "disk",
  ENAMETOOLONG: "disk",
  EOPNOTSUPP: "disk",
  ESTALE: "disk",
};

/**
 * Turns a failed call into an error for people: `Cannot <what>: <state found>`. What the host is to blame for (a full
 * disk, a call that is not permitted) has its own kind whatever was being done; other errors get `otherwise`.
 */
export function explainSysError(error: unknown, what: string, otherwise: ErrorKind): unknown {
  if (!(error instanceof SysError)) return error;
  const kind = HOST_FAULTS[errnoName(error.errno) as ErrnoName] ?? otherwise;
  const { subject: about = "" } = error;
  const path = about === "" ? "" : `"${displayPath(about)}"`;
  // The state of a file system is not about one path.
  // Calls below a root name paths without the slash that they have for people.
  const isNamed = what.includes(path) || what.includes(`"/${path.slice(1)}`);
  const isAboutPath = kind !== "disk" && path !== "" && !isNamed;
  const subject = isAboutPath ? ` (${path})` : "";
  return new KilnError(kind, `Cannot ${what}: ${describeErrno(error.errno)}${subject}`, {
    cause: error,
    ...(error.is("ENOSPC", "EDQUOT")
      ? { hint: "free some space, or point --work-dir at a file system that has more" }
      : {}),
  });
}

/**
 * Explains a call of ours or of Deno that the host refused and nobody has explained. Other errors (EBADF, EFAULT, ...)
 * are bugs and returned as they are.
 */
export function explainHostFault(error: unknown): unknown {
  const errno = error instanceof SysError ? error.errno : errnoOfDeno(error);
  const kind = errno === undefined ? undefined : LEFTOVERS[errnoName(errno) as ErrnoName];
  if (errno === undefined || kind === undefined) return error;
  const call = error instanceof SysError ? error : new SysError("a call of Deno", errno);
  return explainSysError(call, "go on", kind);
}

/** Returns the errno behind an error of Deno's own calls, which have the number only in their text. */
export function errnoOfDeno(error: unknown): number | undefined {
  const number = error instanceof Error ? /\(os error ([0-9]+)\)/.exec(error.message)?.[1] : undefined;
  return number === undefined ? undefined : Number(number);
}
