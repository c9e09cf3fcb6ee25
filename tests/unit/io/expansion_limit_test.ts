/**
 * Limits on expansion (pains-and-security.md S26). With the check taken out of `limitExpansion`, the first three fail.
 *
 * @module
 */
import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { decompress } from "../../../lib/io/decompress.ts";
import { counting } from "../../../lib/io/counting.ts";
import { type ExpansionLimits, limitExpansion } from "../../../lib/io/expansion_limit.ts";
import { BytePieces } from "./byte_pieces.ts";

/** Expands a stream under limits; returns how many bytes came out. */
async function expand(
  bytes: Uint8Array,
  limits: Partial<ExpansionLimits>,
  source = new BytePieces(bytes),
): Promise<number> {
  const input = counting(source);
  const output = limitExpansion(decompress(input.stream, "gzip"), {
    inputBytes: input.count,
    what: 'layer "sha256:abc"',
    hint: "raise --some-flag",
    limits,
  });
  let length = 0;
  for await (const piece of output) length += piece.length;
  return length;
}

const bomb = new Uint8Array(gzipSync(new Uint8Array(20_000_000)));

Deno.test("S26 decompression bomb, is stopped once it has expanded to more than the ratio allows", async () => {
  await assert.rejects(expand(bomb, { freeBytes: 1_000_000, maxRatio: 10 }), {
    name: "KilnError",
    kind: "integrity",
    message: 'Cannot decompress layer "sha256:abc": it expands to more than 10 times its size',
    hint: "raise --some-flag",
  });
});

Deno.test("S26 decompression bomb, is stopped once it has expanded to more than is allowed in all", async () => {
  await assert.rejects(expand(bomb, { maxBytes: 19_999_999 }), {
    message: 'Cannot decompress layer "sha256:abc": it expands to more than 19999999 bytes',
  });
  await assert.rejects(expand(bomb, { maxBytes: 0, freeBytes: 0 }), /more than 0 bytes/);
});

Deno.test("S26 decompression bomb, is not read on once it is stopped", async () => {
  const source = new BytePieces(bomb, 100);
  await assert.rejects(expand(bomb, { freeBytes: 1_000_000, maxRatio: 1 }, source), { name: "KilnError" });
  assert.ok(source.closed);
  assert.ok(source.given < bomb.length / 100 / 2);
});

Deno.test("limitExpansion(), lets through what compresses well but stays small", async () => {
  assert.equal(await expand(bomb, {}), 20_000_000);
  assert.equal(await expand(bomb, { freeBytes: 20_000_000, maxRatio: 1 }), 20_000_000);
  assert.equal(await expand(bomb, { maxBytes: 20_000_000 }), 20_000_000);
  assert.equal(await expand(bomb, { freeBytes: 0, maxRatio: 1100 }), 20_000_000);
});
