/**
 * An archive of this machine as build context: a file, or what comes through a pipe or on stdin.
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
export function createArchiveSource(
  { path }: ArchiveLocation,
  { clock }: Pick<SourceParts, "clock">,
  { checksum }: ArchiveOptions,
): ContextSource {
  const what = `the archive "${path}"`;
  return {
    description: what,
    async fetch(parts: FetchParts): Promise<void> {
      const { isFile, size } = await lookAt(path, what);
      // `<(command)` is a pipe.
      if (!isFile) return await unpackPiped({ bytes: readFile(path), what, clock, checksum }, parts);
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
      await unpackPiped({ bytes: stdin, what, clock, checksum }, parts);
    },
  };
}

/** What can be read once, and nobody knows how long it is. */
interface PipedArchive extends Pick<SourceParts, "clock"> {
  readonly bytes: AsyncIterable<Uint8Array>;
  readonly what: string;
  readonly checksum: Digest | undefined;
}

async function unpackPiped({ bytes, what, clock, checksum }: PipedArchive, parts: FetchParts): Promise<void> {
  const meter = new DownloadMeter({ what, clock, report: parts.report });
  const measured = meter.tap(limited(bytes, { maxBytes: parts.limits.maxBytes, what }));
  await unpackStreamed(checksum === undefined ? measured : verified(measured, { checksum }, what), what, parts);
  meter.finish();
}

async function lookAt(path: string, what: string): Promise<Pick<Deno.FileInfo, "isFile" | "size">> {
  const refuse = (why: string, cause?: unknown): KilnError =>
    new KilnError("context", `Cannot use ${what}: ${why}`, cause === undefined ? {} : { cause });
  try {
    const found = await Deno.stat(path);
    const { isDirectory, isFile, isFifo } = found;
    if (isDirectory) throw refuse("it is a directory");
    if (!isFile && isFifo !== true) throw refuse("it is neither a regular file nor a pipe");
    // Opening a pipe waits for a writer, and takes from who reads it then.
    if (isFile) (await Deno.open(path)).close();
    return found;
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
