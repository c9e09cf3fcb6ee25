/**
 * Reads zstd streams: any number of frames, skippable ones among them, as pzstd, zstd:chunked and `cat` write them.
 *
 * @module
 */
import { createZstdDecompress } from "node:zlib";
import { corrupt } from "./corrupt.ts";
import { INPUT_PIECE_BYTES, OUTPUT_PIECE_BYTES } from "./piece_sizes.ts";
import { slicePieces } from "./slice_pieces.ts";
import { ZlibSteps } from "./zlib_steps.ts";
import { ZstdFrameScanner } from "./zstd_frames.ts";

/**
 * Decompresses zstd.
 *
 * @throws {KilnError} integrity for a damaged or truncated stream, garbage after its end, a window beyond 128 MiB, and
 * frames that need a dictionary.
 */
export async function* unzstd(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const scanner = new ZstdFrameScanner();
  const steps = new ZlibSteps(createZstdDecompress({ chunkSize: OUTPUT_PIECE_BYTES }));
  let empty = true;
  try {
    for await (const piece of slicePieces(stream, INPUT_PIECE_BYTES)) {
      empty = false;
      for (const part of scanner.scan(piece)) yield* failing(steps.write(part));
    }
    if (empty || !scanner.complete) throw corrupt("zstd", "it is truncated");
    yield* failing(steps.end());
  } finally {
    steps.destroy();
  }
}

async function* failing(output: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* output;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    throw corrupt("zstd", error.message.replace(/^Zstd decompress error: /, ""), { cause: error });
  }
}
