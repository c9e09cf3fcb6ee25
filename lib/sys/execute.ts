/**
 * Becoming another program.
 *
 * @module
 */
import type { BytePath } from "../io/byte_path.ts";
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
  libc.execve(cString(path), vector(argv), vector(environment));
  throw new SysError("execve", lastErrno(), path);
}

/** Keeps the strings of a vector alive until execve has read them. */
const kept: Uint8Array<ArrayBuffer>[] = [];

function vector(lines: readonly BytePath[]): Uint8Array<ArrayBuffer> {
  const pointers = new BigUint64Array(lines.length + 1);
  lines.forEach((line, at) => {
    const bytes = cString(line);
    kept.push(bytes);
    pointers[at] = addressOf(bytes);
  });
  return new Uint8Array(pointers.buffer);
}
