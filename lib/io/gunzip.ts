/**
 * Reads gzip streams: any number of members, as pigz, eStargz and `cat a.gz b.gz` write them.
 *
 * Zeros after the last member are padding of tapes and are skipped, as GNU gzip does. Anything else there is an error:
 * GNU gzip ignores it with a warning, bsdtar in silence, Go fails, and a reader that ignores it lets bytes through that
 * no one has looked at (pains-and-security.md S25).
 *
 * @module
 */
import { createGunzip } from "node:zlib";
import { corrupt } from "./corrupt.ts";
import { INPUT_PIECE_BYTES, OUTPUT_PIECE_BYTES } from "./piece_sizes.ts";
import { slicePieces } from "./slice_pieces.ts";
import { ZlibSteps } from "./zlib_steps.ts";

/** Decompresses gzip. @throws {KilnError} integrity for a damaged or truncated stream and for garbage after its end */
export async function* gunzip(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const engine = createGunzip({ chunkSize: OUTPUT_PIECE_BYTES });
  const steps = new ZlibSteps(engine);
  let fed = 0;
  let ended = false;
  try {
    for await (const piece of slicePieces(stream, INPUT_PIECE_BYTES)) {
      if (ended) {
        checkPadding(piece);
        continue;
      }
      fed += piece.length;
      yield* failing(steps.write(piece));
      // The engine stops at a zero byte where a member could begin, and takes nothing more.
      const left = fed - engine.bytesWritten;
      ended = left > 0;
      checkPadding(piece.subarray(piece.length - left));
    }
    yield* failing(steps.end());
  } finally {
    steps.destroy();
  }
}

function checkPadding(bytes: Uint8Array): void {
  if (bytes.some((byte) => byte !== 0)) throw corrupt("gzip", "it is followed by something else");
}

async function* failing(output: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* output;
  } catch (error) {
    throw error instanceof Error ? corrupt("gzip", explain(error.message), { cause: error }) : error;
  }
}

function explain(message: string): string {
  switch (message) {
    case "unexpected end of file":
      return "it is truncated";
    case "incorrect data check":
    case "incorrect length check":
      return "its checksum is wrong";
    case "incorrect header check":
      return "it is not gzip, or followed by something else";
    default:
      return message;
  }
}
