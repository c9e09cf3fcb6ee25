/**
 * Decompression of streams: layers (gzip, zstd) and archives in contexts (bzip2 and xz, too).
 *
 * All kinds work in bounded memory: output is handed out in pieces of about 64 KiB and nothing is read ahead beyond one
 * piece of input (bzip2: 3 MiB; zstd and xz: their window, up to 128 MiB). All notice truncation, wrong checksums and
 * whatever follows the stream. Nothing runs when the consumer does not ask, and what was opened is freed when it stops.
 *
 * @module
 */
import type { StreamCompression } from "./compression.ts";
import { gunzip } from "./gunzip.ts";
import { unzstd } from "./unzstd.ts";

/**
 * Yields the decompressed bytes of a stream. A piece is only valid until the next one is asked for.
 *
 * @throws {KilnError} integrity for data that is damaged, truncated, followed by garbage, or needs what we do not have.
 */
export async function* decompress(
  stream: AsyncIterable<Uint8Array>,
  kind: StreamCompression,
): AsyncGenerator<Uint8Array> {
  switch (kind) {
    case "none":
      yield* stream;
      break;
    case "gzip":
      yield* gunzip(stream);
      break;
    case "zstd":
      yield* unzstd(stream);
      break;
    case "bzip2": {
      // rare, and no small amount of code: loaded when needed
      const { bunzip2 } = await import("./bunzip2.ts");
      yield* bunzip2(stream);
      break;
    }
    case "xz": {
      const { unxz } = await import("./unxz.ts");
      yield* unxz(stream);
      break;
    }
  }
}
