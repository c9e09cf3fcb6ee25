/**
 * Small records on disk that are always whole: written beside their directory, then renamed into it. Who is killed in
 * between leaves the directory as it was.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { type BytePath, bytesOf } from "../io/byte_path.ts";
import * as files from "../sys/file.ts";
import { readFileIn } from "./read_file_in.ts";

/** Paths are short, and records have few. */
const MOST_RECORD_BYTES = 1 << 20;

/** Writes a record in a directory of ours. Byte strings fit JSON as they are, one byte a character. */
export function writeRecord(directory: BytePath, name: BytePath, record: unknown): void {
  const fresh = `${directory}.${crypto.randomUUID()}`;
  const fd = files.openAt(files.AT_FDCWD, fresh, files.O.WRONLY | files.O.CREAT | files.O.EXCL, 0o600);
  try {
    files.writeAll(fd, bytesOf(JSON.stringify(record)));
  } finally {
    files.close(fd);
  }
  const at = files.AT_FDCWD;
  files.renameAt({ directory: at, name: fresh }, { directory: at, name: `${directory}/${name}` });
}

/**
 * Returns a record that `writeRecord` wrote, or undefined. The caller names its type: records are written whole, by us, in
 * directories that are ours.
 */
export function readRecord<T>(directory: BytePath, name: BytePath): T | undefined {
  const bytes = readFileIn(directory, name, MOST_RECORD_BYTES);
  return bytes === undefined ? undefined : JSON.parse(Buffer.from(bytes).toString("latin1")) as T;
}
