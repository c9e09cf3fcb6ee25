/**
 * Where an archive goes: a file, which is complete or not there, a pipe, or stdout.
 *
 * @module
 */
import { dirname } from "node:path/posix";
import { KilnError } from "../errors.ts";
import { writeAllSync } from "../io/write_all.ts";
import { explainingFileErrors } from "./file_error.ts";
import { checkWritable, createFolder, writeNewFile } from "./new_file.ts";

/** Stdout, as far as an archive needs it. */
export interface ByteStream {
  /** Returns when the bytes are written or given up. */
  write(bytes: Uint8Array): void;
  /** Whether bytes were given up for another reason than that the reader went away. */
  readonly lost: boolean;
}

/** A place for an archive. */
export type ArchivePlace =
  /** Absolute. */
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "stdout"; readonly stream: ByteStream };

/** Returns how an archive is called in messages. */
export function nameOfArchive(what: string, place: ArchivePlace): string {
  return place.kind === "file" ? `${what} "${place.path}"` : `${what} on stdout`;
}

/** Makes sure that an archive can be written. @throws {KilnError} kind `disk` */
export async function preparePlace(place: ArchivePlace, name: string): Promise<void> {
  if (place.kind === "stdout") return;
  const { path } = place;
  await explainingFileErrors(`write ${name}`, async () => {
    await createFolder(dirname(path), 0o755);
    const found = await Deno.stat(path).catch(() => undefined);
    if (found?.isDirectory === true) throw new KilnError("disk", `Cannot write ${name}: it is a directory`);
    if (found === undefined || found.isFile) await checkWritable(dirname(await targetOf(path)));
  });
}

/** Returns what a path leads to: a symlink to a file, which somebody has put there, stays. */
async function targetOf(path: string): Promise<string> {
  return await Deno.realPath(path).catch(() => path);
}

/** Writes a file that takes its place when it is complete; pipes and devices are written to as they are. */
async function writeFile<T>(path: string, write: (file: Deno.FsFile) => Promise<T>): Promise<T> {
  const found = await Deno.stat(path).catch(() => undefined);
  if (found === undefined || found.isFile) return await writeNewFile(await targetOf(path), write);
  using file = await Deno.open(path, { write: true });
  return await write(file);
}

/** Writes an archive; `body` is given what takes its bytes. @throws {KilnError} kind `disk` */
export async function writePlace<T>(
  place: ArchivePlace,
  name: string,
  body: (write: (chunk: Uint8Array) => void) => Promise<T>,
): Promise<T> {
  return await explainingFileErrors(`write ${name}`, async () => {
    if (place.kind === "file") {
      return await writeFile(place.path, (file) => body((chunk) => writeAllSync(file, chunk)));
    }
    const { stream } = place;
    const result = await body((chunk) => stream.write(chunk));
    if (stream.lost) throw new KilnError("disk", `Cannot write ${name}: the write failed`);
    return result;
  });
}
