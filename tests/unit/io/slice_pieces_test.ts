/**
 * Cutting the pieces of a stream to size.
 *
 * @module
 */
import assert from "node:assert/strict";
import { slicePieces } from "../../../lib/io/slice_pieces.ts";
import { sampleText } from "./byte_pieces.ts";

const bytes = sampleText(10_000);

Deno.test("slicePieces(), cuts pieces to size and drops empty ones", async () => {
  async function* pieces(): AsyncGenerator<Uint8Array> {
    await Promise.resolve();
    yield bytes.subarray(0, 2500);
    yield bytes.subarray(0, 0);
    yield bytes.subarray(2500, 2501);
  }
  const lengths: number[] = [];
  for await (const piece of slicePieces(pieces(), 1000)) lengths.push(piece.length);
  assert.deepEqual(lengths, [1000, 1000, 500, 1]);
});
