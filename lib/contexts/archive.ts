/**
 * An archive of this machine as build context: a file, or what comes on stdin.
 *
 * @module
 */
import { KilnError } from "../errors.ts";
import { FileProgress } from "../io/follow_file.ts";
import type { Digest } from "../oci/digest.ts";
import { verified } from "./checksum.ts";
import type { ArchiveLocation } from "./context_location.ts";
import type { ContextSource, FetchParts, SourceParts } from "./context_source.ts";
import { DownloadMeter } from "./download_meter.ts";
import { limited } from "./size_limit.ts";
import { unpackArchive, unpackStreamed } from "./unpack_archive.ts";

const CHUNK_BYTES = 1 << 18;

/** How an archive is checked. */
export interface ArchiveOptions {
  /** The digest its bytes must have. */
  readonly checksum?: Digest;
}

/** Makes the source of `tar://FILE`. */
export function createArchiveSource({ path }: ArchiveLocation, { checksum }: ArchiveOptions): ContextSource {
  const what = `the archive "${path}"`;
  return {
    description: what,
    async fetch(parts: FetchParts): Promise<void> {
      const size = await sizeOf(path, what);
      // What is unpacked must be what was checked, and the file may be replaced between two readings.
      if (checksum !== undefined) {
        return await unpackStreamed(verified(readFile(path), { checksum }, what), what, parts);
      }
      const progress = new FileProgress();
      progress.written(size);
      progress.end("complete");
      const stop = (): void => progress.end("failed");
      parts.signal.addEventListener("abort", stop, { once: true });
      try {
        await unpackArchive({ path, what, progress: progress.shared }, parts);
      } catch (error) {
        parts.signal.throwIfAborted();
        throw error;
      } finally {
        parts.signal.removeEventListener("abort", stop);
      }
    },
  };
}

/** What stdin is to `tar://stdin`. */
export interface StandardInput {
  readonly stdin: AsyncIterable<Uint8Array>;
  readonly stdinIsTerminal: boolean;
}

/** Makes the source of `tar://stdin`. */
export function createStdinSource(
  { stdin, stdinIsTerminal, clock }: StandardInput & Pick<SourceParts, "clock">,
  { checksum }: ArchiveOptions,
): ContextSource {
  const what = "the archive on stdin";
  return {
    description: what,
    async fetch(parts: FetchParts): Promise<void> {
      if (stdinIsTerminal) {
        throw new KilnError("context", `Cannot use ${what}: stdin is a terminal`, {
          hint: "pipe an archive into the executor: tar -cz . | executor --context=tar://stdin ...",
        });
      }
      const meter = new DownloadMeter({ what, clock, report: parts.report });
      const bytes = meter.tap(limited(stdin, { maxBytes: parts.limits.maxBytes, what }));
      await unpackStreamed(checksum === undefined ? bytes : verified(bytes, { checksum }, what), what, parts);
      meter.finish();
    },
  };
}

async function sizeOf(path: string, what: string): Promise<number> {
  const refuse = (why: string, cause?: unknown): KilnError =>
    new KilnError("context", `Cannot use ${what}: ${why}`, cause === undefined ? {} : { cause });
  try {
    // Asked before it is opened: opening a FIFO waits for a writer.
    const { isDirectory, isFile, size } = await Deno.stat(path);
    if (isDirectory) throw refuse("it is a directory");
    if (!isFile) throw refuse("it is not a regular file");
    (await Deno.open(path)).close();
    return size;
  } catch (error) {
    if (error instanceof KilnError) throw error;
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      throw refuse("it does not exist", error);
    }
    throw refuse(error instanceof Error ? error.message : String(error), error);
  }
}

async function* readFile(path: string): AsyncGenerator<Uint8Array> {
  using file = await Deno.open(path);
  for (;;) {
    const chunk = new Uint8Array(CHUNK_BYTES);
    const count = await file.read(chunk);
    if (count === null) return;
    yield chunk.subarray(0, count);
  }
}
