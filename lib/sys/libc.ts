/**
 * The one table of libc functions, and errno.
 *
 * Every call is synchronous: errno is thread-local, and a `nonblocking` call runs on a thread whose errno is lost
 * (deno.md 1.2). The only exception is `waitpid`, whose result says all. Each thread that imports this
 * module (the main one and every Worker) opens the library and finds its own errno once.
 *
 * 64-bit parameters are passed as BigInt, small ones are declared 32-bit wide where the ABI zero-extends; results
 * below 2 GiB are read as `i32`, because an `i64` result allocates (deno.md 1.1).
 *
 * @module
 */
import type { BytePath } from "../io/byte_path.ts";
import { SysError } from "./errno.ts";

const SYMBOLS = {
  __errno_location: { parameters: [], result: "pointer" },
  openat: { parameters: ["i32", "buffer", "i32", "u32"], result: "i32" }, // dirfd, path, flags, mode
  close: { parameters: ["i32"], result: "i32" },
  read: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  write: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  write_at: { name: "write", parameters: ["i32", "u64", "u32"], result: "i32" }, // buffer given by address
  pread: { parameters: ["i32", "buffer", "u32", "i64"], result: "i32" },
  pwrite: { parameters: ["i32", "buffer", "u32", "i64"], result: "i32" },
  lseek: { parameters: ["i32", "i64", "i32"], result: "i64" },
  ftruncate: { parameters: ["i32", "i64"], result: "i32" },
  fsync: { parameters: ["i32"], result: "i32" },
  getdents64: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  statx: { parameters: ["i32", "buffer", "i32", "u32", "buffer"], result: "i32" }, // dirfd, path, flags, mask, out
  statx_at: { name: "statx", parameters: ["i32", "u64", "i32", "u32", "buffer"], result: "i32" }, // path by address
  readlinkat: { parameters: ["i32", "buffer", "buffer", "u32"], result: "i32" },
  mkdirat: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  mknodat: { parameters: ["i32", "buffer", "u32", "u64"], result: "i32" },
  name_to_handle_at: { parameters: ["i32", "buffer", "buffer", "buffer", "i32"], result: "i32" },
  symlinkat: { parameters: ["buffer", "i32", "buffer"], result: "i32" },
  linkat: { parameters: ["i32", "buffer", "i32", "buffer", "i32"], result: "i32" },
  unlinkat: { parameters: ["i32", "buffer", "i32"], result: "i32" },
  renameat: { parameters: ["i32", "buffer", "i32", "buffer"], result: "i32" },
  fchownat: { parameters: ["i32", "buffer", "u32", "u32", "i32"], result: "i32" },
  fchown: { parameters: ["i32", "u32", "u32"], result: "i32" },
  fchmod: { parameters: ["i32", "u32"], result: "i32" },
  fchmodat: { parameters: ["i32", "buffer", "u32", "i32"], result: "i32" },
  utimensat: { parameters: ["i32", "buffer", "buffer", "i32"], result: "i32" },
  futimens: { parameters: ["i32", "buffer"], result: "i32" },
  lgetxattr: { parameters: ["buffer", "buffer", "buffer", "u32"], result: "i32" },
  lsetxattr: { parameters: ["buffer", "buffer", "buffer", "u32", "i32"], result: "i32" },
  llistxattr: { parameters: ["buffer", "buffer", "u32"], result: "i32" },
  lremovexattr: { parameters: ["buffer", "buffer"], result: "i32" },
  fgetxattr: { parameters: ["i32", "buffer", "buffer", "u32"], result: "i32" },
  fsetxattr: { parameters: ["i32", "buffer", "buffer", "u32", "i32"], result: "i32" },
  flistxattr: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  sendfile: { parameters: ["i32", "i32", "pointer", "u32"], result: "i32" }, // to, from, offset, count
  fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
  flock: { parameters: ["i32", "i32"], result: "i32" },
  pipe2: { parameters: ["buffer", "i32"], result: "i32" },
  memfd_create: { parameters: ["buffer", "u32"], result: "i32" },
  mount: { parameters: ["buffer", "buffer", "buffer", "u64", "buffer"], result: "i32" },
  umount2: { parameters: ["buffer", "i32"], result: "i32" },
  unshare: { parameters: ["i32"], result: "i32" },
  execve: { parameters: ["buffer", "buffer", "buffer"], result: "i32" },
  posix_spawn_file_actions_init: { parameters: ["buffer"], result: "i32" },
  posix_spawn_file_actions_adddup2: { parameters: ["buffer", "i32", "i32"], result: "i32" },
  posix_spawn_file_actions_destroy: { parameters: ["buffer"], result: "i32" },
  posix_spawn: { parameters: ["buffer", "buffer", "buffer", "buffer", "buffer", "buffer"], result: "i32" },
  clone: { parameters: ["pointer", "u64", "i32", "u64"], result: "i32" }, // code, stack top, flags, argument
  waitpid: { parameters: ["i32", "buffer", "i32"], result: "i32", nonblocking: true },
  try_waitpid: { name: "waitpid", parameters: ["i32", "buffer", "i32"], result: "i32" },
  kill: { parameters: ["i32", "i32"], result: "i32" },
  prlimit: { parameters: ["i32", "i32", "buffer", "buffer"], result: "i32" },
  prctl: { parameters: ["i32", "u64", "u64", "u64", "u64"], result: "i32" },
  sigprocmask: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  getrlimit: { parameters: ["i32", "buffer"], result: "i32" },
  geteuid: { parameters: [], result: "u32" },
  getegid: { parameters: [], result: "u32" },
  umask: { parameters: ["u32"], result: "u32" },
  mmap: { parameters: ["pointer", "u64", "i32", "i32", "i32", "i64"], result: "pointer" },
  mprotect: { parameters: ["pointer", "u64", "i32"], result: "i32" },
  statfs: { parameters: ["buffer", "buffer"], result: "i32" },
  syscall: { parameters: ["i64", "i64", "u64", "u64", "u64"], result: "i32" }, // number and up to four arguments
  syscall6: { name: "syscall", parameters: ["i64", "i64", "i64", "i64", "i64", "i64", "i64"], result: "i64" },
  syscall5: { name: "syscall", parameters: ["i64", "i64", "u64", "u64", "u64", "u64"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

/** libc, as typed functions. */
export const libc = openLazily("libc.so.6", SYMBOLS);

/**
 * Opens a library whose functions are bound when they are first read: Deno compiles a trampoline for each, 0.2 ms, in
 * every thread anew, and no thread needs them all. Once bound, a function is a plain property and as fast as ever.
 */
function openLazily<S extends Deno.ForeignLibraryInterface>(
  path: string,
  symbols: S,
): Deno.StaticForeignLibraryInterface<S> {
  // These need the library's handle with every call, and have no trampoline.
  const nonblocking = Object.entries(symbols).filter(([, symbol]) => "nonblocking" in symbol && symbol.nonblocking);
  const functions = { ...Deno.dlopen(path, Object.fromEntries(nonblocking)).symbols };
  for (const [name, symbol] of Object.entries(symbols)) {
    if (name in functions) continue;
    Object.defineProperty(functions, name, {
      configurable: true,
      get(): unknown {
        // A function owns all it takes to call it (ext/ffi/dlfcn.rs), and this process never unloads its libc.
        const library = Deno.dlopen(path, { [name]: symbol });
        const bound: unknown = library.symbols[name];
        library.close();
        Object.defineProperty(functions, name, { value: bound, writable: true });
        return bound;
      },
    });
  }
  return functions as Deno.StaticForeignLibraryInterface<S>;
}

/** What unpacking, copying and packing files take. */
const FILE_CALLS = [
  "openat",
  "close",
  "read",
  "pread",
  "write",
  "write_at",
  "lseek",
  "getdents64",
  "statx",
  "statx_at",
  "readlinkat",
  "mkdirat",
  "symlinkat",
  "linkat",
  "unlinkat",
  "fchownat",
  "fchown",
  "fchmod",
  "fchmodat",
  "utimensat",
  "futimens",
  "fgetxattr",
  "flistxattr",
  "lgetxattr",
  "llistxattr",
  "syscall5",
] as const satisfies readonly (keyof typeof SYMBOLS)[];

/** Binds the calls that files take, for a thread that has nothing else to do yet. */
export function bindFileCalls(): void {
  for (const name of FILE_CALLS) Reflect.get(libc, name);
}

const errnoCell = mapErrno();

function mapErrno(): Int32Array {
  const location = libc.__errno_location();
  if (location === null) throw new Error("Unreachable: libc has no errno");
  return new Int32Array(Deno.UnsafePointerView.getArrayBuffer(location, 4));
}

/**
 * Returns errno as the last call of this thread left it. To be read right after the call: nothing that allocates,
 * awaits or logs may stand in between.
 */
export function lastErrno(): number {
  return errnoCell[0] ?? 0;
}

/** Returns `result`, or throws a `SysError` for the last call if it is negative. */
export function checked(call: string, result: number, subject?: BytePath): number {
  if (result >= 0) return result;
  throw new SysError(call, lastErrno(), subject);
}

/**
 * A reusable NUL-terminated copy of a byte string, for passing names to libc. The copy lives until the same slot is
 * written again, so a call with two names needs two slots.
 *
 * @throws {SysError} EINVAL, if the name holds a NUL (the kernel would cut it there), ENAMETOOLONG past 64 KiB.
 */
export class NameSlot {
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(4352);

  write(name: BytePath): Uint8Array<ArrayBuffer> {
    if (name.length >= this.#bytes.length) {
      if (name.length > 65_535) throw new SysError("name", 36, name.slice(0, 100));
      this.#bytes = new Uint8Array(name.length * 2);
    }
    const bytes = this.#bytes;
    for (let at = 0; at < name.length; at++) {
      const code = name.charCodeAt(at);
      if (code === 0 || code > 255) throw new SysError("name", 22, name);
      bytes[at] = code;
    }
    bytes[name.length] = 0;
    return bytes;
  }
}

/** Returns the address of a buffer's first byte. The buffer must stay referenced while the address is in use. */
export function addressOf(bytes: Uint8Array<ArrayBuffer>): bigint {
  return Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes));
}

/** Returns a NUL-terminated copy of a byte string that lives as long as it is referenced. */
export function cString(text: BytePath): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length + 1);
  for (let at = 0; at < text.length; at++) bytes[at] = text.charCodeAt(at);
  return bytes;
}
