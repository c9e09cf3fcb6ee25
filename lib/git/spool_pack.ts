/**
 * A pack on its way to disk, read by a Worker while it arrives.
 *
 * @module
 */
import { KilnError } from "../errors.ts";
import { FileProgress } from "../io/follow_file.ts";
import { writeAll } from "../io/write_all.ts";

/**
 * Writes `pack` to a new file and runs `read` on it at the same time. If the pack breaks off, its error is what is
 * thrown, not the reader's complaint about it.
 */
export async function spoolPack<T>(
  pack: AsyncIterable<Uint8Array>,
  path: string,
  { read, count }: {
    readonly read: (progress: SharedArrayBuffer) => Promise<T>;
    /** Told of every byte; throws if there are too many. */
    readonly count: (bytes: number) => void;
  },
): Promise<T> {
  const progress = new FileProgress();
  using file = await Deno.open(path, { write: true, createNew: true, mode: 0o600 });
  const reading = read(progress.shared);
  let failed = false;
  reading.catch(() => failed = true);
  let written = 0;
  try {
    for await (const chunk of pack) {
      // The reader has found something wrong: the rest is of no use.
      if (failed) break;
      written += chunk.length;
      count(chunk.length);
      await writeAll(file, chunk);
      progress.written(written);
    }
    progress.end("complete");
  } catch (error) {
    progress.end("failed");
    await reading.catch(() => {});
    throw explain(error);
  }
  return await reading;
}

function explain(error: unknown): unknown {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code !== "ENOSPC" && code !== "EDQUOT") return error;
  return new KilnError("disk", "Cannot store the pack: the file system is full", { cause: error });
}
