/**
 * Archives in a build context: telling them from other files by their content, and unpacking them (dockerfile.md 3.4).
 *
 * @module
 */
import { KilnError } from "../errors.ts";
import { type BytePath, displayPath } from "../io/byte_path.ts";
import type { ExpansionLimits } from "../io/expansion_limit.ts";
import * as files from "../sys/file.ts";
import { NewestFile } from "../tar/newest_file.ts";
import { TarReader } from "../tar/reader.ts";
import { type ArchiveFacts, type ArchiveTarget, plainBytes, unpackStream } from "./unpack_stream.ts";

const CHUNK_BYTES = 1 << 18;

/** A file by its directory's descriptor. */
export interface NamedFile {
  readonly directory: number;
  readonly name: BytePath;
}

/** Tells whether a file is a tar with at least one entry, compressed or not. Its name does not matter. */
export async function isArchive(file: NamedFile, limits: ExpansionLimits | undefined): Promise<boolean> {
  let found = false;
  const reader = new TarReader({ entry: () => found = true, data: () => {}, entryEnd: () => {} });
  try {
    for await (const chunk of plainBytes(readFile(file), factsOf(file, limits))) {
      reader.push(chunk);
      if (found) return true;
    }
    reader.end();
  } catch (error) {
    if (!(error instanceof KilnError && error.kind === "integrity")) throw error;
  }
  return found;
}

/**
 * Unpacks an archive.
 *
 * @throws {KilnError} kind `integrity`, if it turns out to be damaged.
 */
export async function unpackArchive(
  file: NamedFile,
  target: ArchiveTarget,
  limits: ExpansionLimits | undefined,
): Promise<void> {
  await unpackStream(readFile(file), target, factsOf(file, limits));
}

/** A file of a directory, and how far it may expand. */
export interface ArchiveToDate {
  readonly directory: BytePath;
  readonly name: BytePath;
  readonly limits?: ExpansionLimits;
}

/** Returns the time of the newest regular file in an archive; of what is none, and of an empty one, there is none. */
export async function timeOfArchive({ directory, name, limits }: ArchiveToDate): Promise<Date | undefined> {
  const newest = new NewestFile({ entry: () => {}, data: () => {}, entryEnd: () => {} });
  const reader = new TarReader(newest);
  const opened = files.openDirectory(directory);
  try {
    const file = { directory: opened, name };
    for await (const chunk of plainBytes(readFile(file), factsOf(file, limits))) reader.push(chunk);
    reader.end();
    return newest.time;
  } catch (error) {
    if (error instanceof KilnError && error.kind === "integrity") return undefined;
    throw error;
  } finally {
    files.close(opened);
  }
}

function factsOf({ name }: NamedFile, limits: ExpansionLimits | undefined): ArchiveFacts {
  return { what: `the archive "${displayPath(name)}"`, ...(limits === undefined ? {} : { limits }) };
}

async function* readFile({ directory, name }: NamedFile): AsyncGenerator<Uint8Array> {
  const fd = files.openAt(directory, name, files.O.RDONLY | files.O.NOFOLLOW);
  try {
    for (;;) {
      const buffer = new Uint8Array(CHUNK_BYTES);
      const count = files.read(fd, buffer);
      if (count === 0) return;
      yield buffer.subarray(0, count);
    }
  } finally {
    files.close(fd);
  }
}
