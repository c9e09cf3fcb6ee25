/**
 * @module
 */
import assert from "node:assert/strict";
import { releaseFilled, releaseWhole } from "../../../lib/io/release_buffer.ts";

Deno.test("releaseWhole(), frees a piece that is all of its buffer and no other", () => {
  const whole = new Uint8Array(8);
  const part = new Uint8Array(8).subarray(0, 7);
  releaseWhole(whole);
  releaseWhole(part);
  assert.deepEqual([whole.length, part.length], [0, 7]);
});

Deno.test("releaseFilled(), frees a buffer of an engine after the piece at its end, and no buffer of another size", () => {
  const buffer = new Uint8Array(64);
  const [first, last] = [buffer.subarray(0, 60), buffer.subarray(60)];
  releaseFilled(first, 64);
  assert.equal(first.length, 60);
  releaseFilled(last, 64);
  assert.equal(first.length, 0);
  const other = new Uint8Array(32);
  releaseFilled(other, 64);
  assert.equal(other.length, 32);
});
