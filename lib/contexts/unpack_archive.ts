/**
 * Unpacking the archive of a build context while it arrives: every source that brings one ends here.
 *
 * A Worker unpacks. What comes goes to it through a ring in memory, or, where it is kept, through a file that it follows
 * (`FileProgress`). Nothing but pieces is in memory either way.
 *
 * @module
 */
import { RingWriter } from "../io/byte_ring.ts";
import type { DigestAlgorithm } from "../io/digests.ts";
import { releaseWhole } from "../io/release_buffer.ts";
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
export async function unpackArchive(archive: ArchiveFile, parts: FetchParts): Promise<void> {
  const { directory, limits, pool } = parts;
  const { path, finalPath = path, progress, what = "the archive" } = archive;
  const content = { kind: "file", path, finalPath, ...(progress === undefined ? {} : { progress }) } as const;
  const request = { content, what, directory, limits: limits.expansion, digests: [] } as const;
  const { time } = await pool.run("unpackContext", request);
  if (time !== undefined) parts.onTime?.(time);
}

/** What fills a ring, and what is wanted of it. */
export interface RingFiller {
  /** For messages. */
  readonly what: string;
  readonly ring: RingWriter;
  readonly digests?: readonly DigestAlgorithm[];
  /** Writes everything; stopped by the signal when unpacking fails. */
  fill(signal: AbortSignal): Promise<void>;
}

/**
 * Unpacks an archive from a ring while it is filled. When filling fails, its failure is the one that is thrown.
 *
 * @returns digests of the archive as it came, in hexadecimal.
 */
export async function unpackRing(
  { what, ring, digests = [], fill }: RingFiller,
  { directory, limits, pool, signal, onTime }: FetchParts,
): Promise<readonly string[]> {
  const stopped = new AbortController();
  const content = { kind: "ring", ring: ring.shared } as const;
  const unpacking = pool.run("unpackContext", { content, what, directory, limits: limits.expansion, digests });
  unpacking.catch((error) => {
    stopped.abort(error);
    ring.abandon();
  });
  try {
    await fill(AbortSignal.any([signal, stopped.signal]));
    ring.end("complete");
  } catch (error) {
    ring.end("failed");
    // It fails because of the other one and has nothing of its own to say.
    await unpacking.catch(() => {});
    throw error;
  }
  const { digests: computed, time } = await unpacking;
  if (time !== undefined) onTime?.(time);
  return computed;
}

/**
 * Unpacks an archive from a stream, whose chunks are freed once they are passed on. When unpacking fails or is aborted,
 * nothing more is waited for: whoever writes to a pipe may have stopped for good.
 */
export async function unpackStreamed(
  stream: AsyncIterable<Uint8Array>,
  what: string,
  parts: FetchParts,
): Promise<void> {
  const ring = new RingWriter();
  const fill = async (signal: AbortSignal): Promise<void> => {
    const chunks = stream[Symbol.asyncIterator]();
    try {
      for (;;) {
        const { done, value: chunk } = await unlessAborted(chunks.next(), signal);
        if (done === true || !await ring.write(chunk)) return;
        releaseWhole(chunk);
      }
    } finally {
      // Not awaited: a generator ends only once it has what it waits for.
      chunks.return?.().catch(() => {});
    }
  };
  await unpackRing({ what, ring, fill }, parts);
}

/** Returns what a promise gives, or throws the signal's reason as soon as that is aborted. */
async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const stop = (): void => aborted.reject(signal.reason);
  signal.addEventListener("abort", stop, { once: true });
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
