/**
 * Becoming another program.
 *
 * @module
 */
import { type BytePath, bytePathFrom } from "../io/byte_path.ts";
import { SysError } from "./errno.ts";
import { addressOf, cString, lastErrno, libc } from "./libc.ts";

/** What to execute. */
export interface Execution {
  readonly path: BytePath;
  readonly argv: readonly BytePath[];
  readonly environment: readonly BytePath[];
}

/** Replaces this process, all its threads included. @throws {SysError} if the kernel refuses */
export function execute({ path, argv, environment }: Execution): never {
  libc.execve(cString(path), vectorOf(argv, kept), vectorOf(environment, kept));
  throw new SysError("execve", lastErrno(), path);
}

/** Keeps the strings of a vector alive until execve has read them. */
const kept: Uint8Array<ArrayBuffer>[] = [];

/**
 * Returns the addresses of strings as the kernel takes them, with a null behind the last. The strings go to `keep`, which
 * must be referenced for as long as the addresses are.
 */
export function vectorOf(lines: readonly BytePath[], keep: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const pointers = new BigUint64Array(lines.length + 1);
  lines.forEach((line, at) => {
    const bytes = cString(line);
    keep.push(bytes);
    pointers[at] = addressOf(bytes);
  });
  return new Uint8Array(pointers.buffer);
}

/** Returns the words of this process's command line, or the lines of the environment it was started with. */
export function ownWords(file: "cmdline" | "environ"): readonly BytePath[] {
  // Each word ends in a NUL; an argument may be empty.
  const words = bytePathFrom(Deno.readFileSync(`/proc/self/${file}`)).split("\0").slice(0, -1);
  return file === "environ" ? words.filter((line) => line !== "") : words;
}
