/**
 * Gzip framing: what is accepted is what zlib accepts, with the same result.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { gunzipSync, gzipSync } from "node:zlib";
import { decompress } from "../../../lib/io/decompress.ts";
import type { FuzzTarget } from "../target.ts";

const TEXT = Buffer.from("a text to compress, ".repeat(50));

/** The target. */
export const GZIP: FuzzTarget = {
  name: "gzip",
  seeds: [
    gzipSync(TEXT),
    gzipSync(Buffer.alloc(0)),
    gzipSync(Buffer.alloc(200_000)),
    Buffer.concat([gzipSync("one"), gzipSync("two")]),
    // FEXTRA, FNAME, FCOMMENT and FHCRC
    Buffer.concat([
      Buffer.from("1f8b081c0000000000ff0400414200006e616d65006e6f746500", "hex"),
      gzipSync("x").subarray(10),
    ]),
  ],
  words: ["\x1f\x8b\x08\0", "\x1f\x8b\x08\x04", "\0\0\xff\xff"],
  async run(input): Promise<string> {
    const parts: Uint8Array[] = [];
    for await (const part of decompress(pieces(input), "gzip")) parts.push(new Uint8Array(part));
    assert.ok(gunzipSync(input).equals(Buffer.concat(parts)), "zlib has another result");
    return String(parts.length);
  },
};

async function* pieces(input: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < input.length; at += 1000) yield await Promise.resolve(input.slice(at, at + 1000));
}
