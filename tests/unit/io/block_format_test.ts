/**
 * Block compression: other programs read it, the bytes depend on content and level alone, and the size is what
 * decisions 4 promises.
 *
 * @module
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path/posix";
import { type BlockFormat, blockFormatOf, compressBlock, type CompressRequest } from "../../../lib/io/block_format.ts";
import { gzipTrailer } from "../../../lib/io/block_gzip.ts";
import { decompress } from "../../../lib/io/decompress.ts";
import { run } from "../../support/environment/command.ts";
import { prepared } from "../../support/environment/environment.ts";
import { BytePieces, collect, concat, sampleText } from "./byte_pieces.ts";

const KINDS = ["gzip", "zstd"] as const;

/** Cuts content into requests, as the writer of a layer does. */
function requestsOf(format: BlockFormat, content: Uint8Array<ArrayBuffer>): readonly CompressRequest[] {
  const requests: CompressRequest[] = [];
  let at = 0;
  for (; content.length - at >= format.blockBytes; at += format.blockBytes) {
    requests.push(format.request(content.slice(at, at + format.blockBytes), false));
  }
  requests.push(format.request(content.slice(at), true));
  return requests;
}

function compress(kind: "gzip" | "zstd", content: Uint8Array<ArrayBuffer>, level?: number): Uint8Array<ArrayBuffer> {
  const format = blockFormatOf(kind, level);
  const header = format.header();
  const blocks = requestsOf(format, content).map(compressBlock);
  return concat(header, ...blocks, format.trailer());
}

for (const kind of KINDS) {
  Deno.test(`${kind} blocks, are read back by the ${kind} program and by us, whatever the length`, async () => {
    await prepared({ tools: ["zstd"] });
    const block = blockFormatOf(kind).blockBytes;
    for (const length of [0, 1, 32_768, block - 1, block, block + 1, 2 * block + 5]) {
      const content = sampleText(length);
      const compressed = compress(kind, content);
      const { bytes } = await run([kind, "-dc"], { stdin: compressed });
      assert.equal(digest(bytes), digest(content), `${kind} -dc of ${length} bytes`);
      assert.equal(digest(await collect(decompress(new BytePieces(compressed, 60_000), kind))), digest(content));
      const { code } = await run([kind, "-t"], { stdin: compressed });
      assert.equal(code, 0);
    }
  });

  Deno.test(`${kind} blocks, are the same bytes in whatever order they are compressed`, () => {
    const content = sampleText(3 * blockFormatOf(kind).blockBytes + 77);
    const requests = requestsOf(blockFormatOf(kind), content);
    const forwards = requests.map(compressBlock);
    const backwards = [...requests].reverse().map(compressBlock).reverse();
    assert.deepEqual(forwards.map(digest), backwards.map(digest));
  });

  Deno.test(`${kind} blocks, do not need the buffers of blocks before them`, () => {
    const format = blockFormatOf(kind);
    const content = sampleText(format.blockBytes + 100_000);
    const expected = compress(kind, content);
    const parts = [format.header()];
    for (const last of [false, true]) {
      const at = last ? format.blockBytes : 0;
      const block = content.slice(at, at + format.blockBytes);
      const sent = structuredClone(format.request(block, last), { transfer: [block.buffer] });
      assert.equal(block.length, 0, "the buffer has moved");
      parts.push(compressBlock(sent));
    }
    parts.push(format.trailer());
    assert.equal(digest(concat(...parts)), digest(expected));
  });

  Deno.test(`${kind} blocks, come in buffers of their own, fit to be moved`, () => {
    for (const length of [0, 10, 100_000]) {
      const [request] = requestsOf(blockFormatOf(kind), sampleText(length));
      assert.ok(request !== undefined);
      const bytes = compressBlock(request);
      assert.equal(bytes.byteOffset, 0);
      // Node's shared pool has buffers of 64 KiB or less; moving one would take it from everybody
      const isOwn = bytes.buffer.byteLength === bytes.length || bytes.buffer.byteLength > 65_535;
      assert.ok(isOwn);
    }
  });

  Deno.test(`${kind} blocks, are refused at levels that do not exist, and smaller at higher ones`, () => {
    for (const level of [0, -1, 1.5, kind === "gzip" ? 10 : 23, NaN]) {
      assert.throws(() => blockFormatOf(kind, level), {
        name: "KilnError",
        kind: "usage",
        message: `Cannot compress with ${kind} level ${level}: the levels are 1 to ${kind === "gzip" ? 9 : 22}`,
      });
    }
    const content = sampleText(200_000);
    assert.ok(compress(kind, content, 9).length < compress(kind, content, 1).length);
    assert.equal(digest(compress(kind, content)), digest(compress(kind, content, kind === "gzip" ? 5 : 3)));
  });
}

Deno.test("gzip blocks, make one member without time or name", () => {
  assert.deepEqual([...compress("gzip", sampleText(10)).subarray(0, 10)], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]);
});

Deno.test("gzip blocks, take the size modulo 2^32", () => {
  const trailer = gzipTrailer({ checksum: 0xdeadbeef, size: 2 ** 32 + 5 });
  assert.deepEqual([...trailer], [0xef, 0xbe, 0xad, 0xde, 5, 0, 0, 0]);
});

Deno.test("zstd blocks, make an empty frame of nothing, and none after a full block", () => {
  assert.ok(compress("zstd", new Uint8Array(0)).length > 0);
  const format = blockFormatOf("zstd");
  const full = requestsOf(format, new Uint8Array(format.blockBytes)).map(compressBlock);
  assert.deepEqual(full.map((bytes) => bytes.length > 0), [true, false]);
});

Deno.test("gzip blocks, at the default level are within 3 % of gzip -6", async () => {
  // decisions 4; lib/io/block_gzip.ts has the table of real corpora. Here: every fifth MiB of a Debian root.
  const { layouts } = await prepared({ bases: ["debian"] });
  const { bytes } = await run(["gzip", "-dc", await layerOf(layouts.debian ?? "")]);
  const sample: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += 5 * 1024 ** 2) sample.push(bytes.subarray(at, at + 1024 ** 2));
  const content = concat(...sample);
  assert.ok(content.length > 20_000_000);
  const { bytes: reference } = await run(["gzip", "-6", "-n", "-c"], { stdin: content });
  const ratio = compress("gzip", content).length / reference.length;
  assert.ok(ratio < 1.03, `${ratio} times the size`);
});

/** Returns the path of the only layer of a layout. */
async function layerOf(layout: string): Promise<string> {
  const read = async (digest: string): Promise<unknown> => JSON.parse(await Deno.readTextFile(blob(digest)));
  const blob = (digest: string): string => join(layout, "blobs", digest.replace(":", "/"));
  const index = JSON.parse(await Deno.readTextFile(join(layout, "index.json")));
  const manifest = await read(index.manifests[0].digest) as { readonly layers: readonly { readonly digest: string }[] };
  return blob(manifest.layers[0]?.digest ?? "");
}

function digest(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
