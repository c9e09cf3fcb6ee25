/**
 * The one re-execution at start-up: into a mount namespace of our own.
 *
 * All mounts of a build are made in it, so they are gone when the last process of the build is, even after kill -9.
 * A namespace can only be changed for the calling thread, and Deno has several; execve leaves one (deno.md 1, D2).
 * The new start also gives malloc settings for a program with many threads and large buffers.
 * This module is imported before anything else is, so it imports as little as possible.
 *
 * @module
 */
import { type BytePath, bytePathFrom, bytePathOf } from "../io/byte_path.ts";
import { SysError } from "./errno.ts";
import { AT_FDCWD, readLink } from "./file.ts";
import { mount, MS } from "./mount.ts";
import { addressOf, cString, lastErrno, libc } from "./libc.ts";
import { CLONE } from "./start_process.ts";

/** The variable that names the namespace in the environment of the re-executed process. */
export const PRIVATE_MOUNTS_VARIABLE = "KILN_PRIVATE_MOUNTS";

/**
 * glibc reads these once, at the start. By default it makes up to eight arenas a core and keeps what was freed in each:
 * a COPY of 500 MB with four Workers peaked at 342 MB of anonymous memory without them, at 252 MB with them.
 */
const MALLOC_SETTINGS: readonly string[] = ["MALLOC_ARENA_MAX=2", "MALLOC_MMAP_THRESHOLD_=262144"];

const OWN_VARIABLES: readonly string[] = [
  PRIVATE_MOUNTS_VARIABLE,
  ...MALLOC_SETTINGS.map((line) => line.slice(0, line.indexOf("="))),
];

/** Whether this process may mount: `yes`, or why not. */
export type MountAbility = { readonly kind: "yes" } | { readonly kind: "no"; readonly reason: string };

/**
 * Moves the whole process into its own mount namespace. Does not return if that needs a re-execution; returns in the
 * process that came of it, or where the host does not allow it.
 *
 * @param mark what `PRIVATE_MOUNTS_VARIABLE` holds.
 */
export function enterPrivateMounts(mark: string | undefined): MountAbility {
  // Whoever sets the variable by hand must not make us mount in the host's namespace.
  if (mark === currentNamespace()) return { kind: "yes" };
  // In a chroot our own path is another one as seen from a new namespace.
  const executable = bytePathOf(Deno.execPath());
  if (libc.unshare(CLONE.NEWNS) < 0) {
    const error = new SysError("unshare", lastErrno());
    return { kind: "no", reason: `a mount namespace of our own is refused: ${error.message}` };
  }
  try {
    mount({ source: "none", target: "/", type: "", flags: MS.REC | MS.PRIVATE });
  } catch (error) {
    if (!(error instanceof SysError)) throw error;
    return { kind: "no", reason: `mounting is refused: ${error.message}` };
  }
  reexecute(executable);
}

/** Starts this very command again, in place of this process. */
function reexecute(executable: BytePath): never {
  const commandLine = bytePathFrom(Deno.readFileSync("/proc/self/cmdline")).split("\0").slice(0, -1);
  const environment = bytePathFrom(Deno.readFileSync("/proc/self/environ")).split("\0").filter((line) => line !== "");
  libc.execve(
    cString(executable),
    vector(commandLine),
    vector([
      ...environment.filter((line) => !OWN_VARIABLES.some((name) => line.startsWith(`${name}=`))),
      `${PRIVATE_MOUNTS_VARIABLE}=${currentNamespace()}`,
      ...MALLOC_SETTINGS,
    ]),
  );
  throw new SysError("execve", lastErrno(), executable);
}

/** Returns the name of the calling thread's mount namespace: `mnt:[4026531841]`. */
function currentNamespace(): string {
  return readLink(AT_FDCWD, "/proc/thread-self/ns/mnt");
}

/** Keeps the strings of a vector alive until execve has read them. */
const kept: Uint8Array<ArrayBuffer>[] = [];

function vector(lines: readonly string[]): Uint8Array<ArrayBuffer> {
  const pointers = new BigUint64Array(lines.length + 1);
  lines.forEach((line, at) => {
    const bytes = cString(line);
    kept.push(bytes);
    pointers[at] = addressOf(bytes);
  });
  return new Uint8Array(pointers.buffer);
}
