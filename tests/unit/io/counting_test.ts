/**
 * Counting what flows through a stream.
 *
 * @module
 */
import assert from "node:assert/strict";
import { counting } from "../../../lib/io/counting.ts";
import { BytePieces, sampleText } from "./byte_pieces.ts";

const bytes = sampleText(10_000);

Deno.test("counting(), counts the bytes that have passed so far", async () => {
  const { stream, count } = counting(new BytePieces(bytes, 4000));
  const counts: number[] = [];
  for await (const _ of stream) counts.push(count());
  assert.deepEqual(counts, [4000, 8000, 10_000]);
});
