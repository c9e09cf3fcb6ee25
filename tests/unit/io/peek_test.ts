/**
 * Looking at the beginning of a stream.
 *
 * @module
 */
import assert from "node:assert/strict";
import { peek } from "../../../lib/io/peek.ts";
import { BytePieces, collect, sampleText } from "./byte_pieces.ts";

const bytes = sampleText(10_000);

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
