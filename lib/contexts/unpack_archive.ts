/**
 * Unpacking the archive of a build context while it arrives: every source that brings one ends here.
 *
 * Whoever fetches writes a file and says how much of it is there (`FileProgress`); a Worker follows the file and
 * unpacks. So the network never waits for the disk, and nothing but pieces is in memory.
 *
 * @module
 */
import { explainWriteError } from "../image/explain_write_error.ts";
import { textOf } from "../io/byte_path.ts";
import { FileProgress } from "../io/follow_file.ts";
import { releaseWhole } from "../io/release_buffer.ts";
import { writeAll } from "../io/write_all.ts";
import type { FetchParts } from "./context_source.ts";

/** A file with an archive, complete or growing. */
export interface ArchiveFile {
  readonly path: string;
  /** What it may be renamed to once it is complete. */
  readonly finalPath?: string;
  /** See `followFile`; absent: the file is complete. */
  readonly progress?: SharedArrayBuffer;
  /** For messages: `the archive "https://example.com/app.tar.gz"`. */
  readonly what?: string;
}

/**
 * Unpacks an archive into the context's directory, in a Worker.
 *
 * @throws {KilnError} kind `integrity` for what is no archive, damaged or hostile, `disk`, and `interrupted` if the
 *   writer of the file says that it failed.
 */
export function unpackArchive(archive: ArchiveFile, parts: FetchParts): Promise<void> {
  const { path, finalPath = path, progress, what = "the archive" } = archive;
  const { directory, limits, pool } = parts;
  return pool.run("unpackContext", {
    path,
    finalPath,
    what,
    directory,
    limits: limits.expansion,
    ...(progress === undefined ? {} : { progress }),
  });
}

/**
 * Unpacks an archive from a stream, whose pieces are freed once they are written. When the stream fails, its failure is the one that is thrown; when unpacking fails,
 * the stream is closed.
 */
export async function unpackStreamed(
  stream: AsyncIterable<Uint8Array>,
  what: string,
  parts: FetchParts,
): Promise<void> {
  const path = `${textOf(parts.scratch) ?? ""}/archive`;
  using file = await Deno.open(path, { write: true, createNew: true, mode: 0o600 });
  const progress = new FileProgress();
  const unpacking = unpackArchive({ path, what, progress: progress.shared }, parts);
  const failed: { error?: unknown } = {};
  unpacking.catch((error) => failed.error = error);
  try {
    let written = 0;
    for await (const chunk of stream) {
      if ("error" in failed) break;
      await writeAll(file, chunk);
      written += chunk.length;
      progress.written(written);
      releaseWhole(chunk);
    }
    progress.end("complete");
  } catch (error) {
    progress.end("failed");
    // It fails because of the stream and has nothing of its own to say.
    await unpacking.catch(() => {});
    throw explainWriteError(error, "store the build context");
  }
  await unpacking;
  await Deno.remove(path);
}
