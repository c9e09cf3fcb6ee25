/**
 * Telling kinds of compression apart.
 *
 * @module
 */
import assert from "node:assert/strict";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { detectCompression, MAGIC_BYTES } from "../../../lib/io/compression.ts";
import { run } from "../../support/environment/command.ts";
import { prepared } from "../../support/environment/environment.ts";

Deno.test("detectCompression(), knows what the programs write by its first bytes", async () => {
  await prepared({ tools: ["xz", "bzip2", "zstd"] });
  for (const [program, kind] of [["gzip", "gzip"], ["bzip2", "bzip2"], ["xz", "xz"], ["zstd", "zstd"]] as const) {
    const { bytes } = await run([program, "-c"], { stdin: "content" });
    assert.equal(detectCompression(bytes.subarray(0, MAGIC_BYTES)), kind);
  }
  assert.equal(detectCompression(gzipSync("")), "gzip");
  assert.equal(detectCompression(zstdCompressSync("")), "zstd");
});

Deno.test("detectCompression(), knows a zstd stream that begins with a skippable frame", () => {
  for (const first of [0x50, 0x57, 0x5f]) {
    assert.equal(detectCompression(Uint8Array.of(first, 0x2a, 0x4d, 0x18, 4, 0)), "zstd");
  }
});

Deno.test("detectCompression(), takes anything else for uncompressed", () => {
  const heads = [[], [0x1f], [0x1f, 0x8b], [0x1f, 0x8b, 0x07], [0x42, 0x5a], [0x4f, 0x2a, 0x4d, 0x18], [
    0,
    0,
    0,
    0,
    0,
    0,
  ]];
  for (const head of heads) assert.equal(detectCompression(Uint8Array.from(head)), "none");
});
