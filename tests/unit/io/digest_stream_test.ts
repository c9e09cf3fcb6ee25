/**
 * Taps on streams.
 *
 * @module
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { counting, digesting } from "../../../lib/io/digest_stream.ts";
import { peek } from "../../../lib/io/peek.ts";
import { slicePieces } from "../../../lib/io/slice_pieces.ts";
import { BytePieces, collect, sampleText } from "./byte_pieces.ts";

const bytes = sampleText(10_000);

Deno.test("digesting(), tells digest and size of what has flowed through", async () => {
  const { stream, result } = digesting(new BytePieces(bytes, 999));
  assert.throws(result, /has not been read to its end/);
  assert.deepEqual(await collect(stream), bytes);
  assert.deepEqual(result(), { sha256: createHash("sha256").update(bytes).digest("hex"), size: 10_000 });
});

Deno.test("digesting(), has no result for a stream that was not read to its end", async () => {
  const source = new BytePieces(bytes, 999);
  const { stream, result } = digesting(source);
  for await (const _ of stream) break;
  assert.throws(result, /has not been read to its end/);
  assert.ok(source.closed);
});

Deno.test("digesting(), knows the digest of nothing", async () => {
  const { stream, result } = digesting(new BytePieces(new Uint8Array(0), 1));
  await collect(stream);
  assert.deepEqual(result(), {
    sha256: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    size: 0,
  });
});

Deno.test("counting(), counts the bytes that have passed so far", async () => {
  const { stream, count } = counting(new BytePieces(bytes, 4000));
  const counts: number[] = [];
  for await (const _ of stream) counts.push(count());
  assert.deepEqual(counts, [4000, 8000, 10_000]);
});

Deno.test("peek(), shows the first bytes and loses none of them", async () => {
  for (const size of [1, 3, 4, 5, 10_000]) {
    const { head, stream } = await peek(new BytePieces(bytes, size), 4);
    assert.deepEqual(head, bytes.slice(0, 4));
    assert.deepEqual(await collect(stream), bytes);
  }
});

Deno.test("peek(), shows what there is of a stream that is too short", async () => {
  const { head, stream } = await peek(new BytePieces(Uint8Array.of(1, 2), 1), 4);
  assert.deepEqual(head, Uint8Array.of(1, 2));
  assert.deepEqual(await collect(stream), Uint8Array.of(1, 2));
});

Deno.test("peek(), passes it on to the source when a consumer stops", async () => {
  for (const stopAfter of [1, 3]) {
    const source = new BytePieces(bytes, 1000);
    const { stream } = await peek(source, 1500);
    let pieces = 0;
    for await (const _ of stream) if (++pieces === stopAfter) break;
    assert.ok(source.closed);
  }
});

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
