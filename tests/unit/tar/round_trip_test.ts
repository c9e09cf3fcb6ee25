/**
 * Properties: what the writer writes the reader reads back, however the bytes are cut; anything else never does harm.
 *
 * @module
 */
import assert from "node:assert/strict";
import fc from "../../support/fast_check.ts";
import { KilnError } from "../../../lib/errors.ts";
import type { EntryType, TarEntry } from "../../../lib/tar/entry.ts";
import { TarReader } from "../../../lib/tar/reader.ts";
import { TarWriter } from "../../../lib/tar/writer.ts";
import * as forge from "../../support/tar_forge.ts";
import { readAll, type ReadEntry } from "./collect_entries.ts";

/** Bytes of a file name: anything but NUL; slashes and "." are rare enough to be mixed in. */
const nameBytes = (maxLength: number): fc.Arbitrary<string> =>
  fc.oneof(
    fc.string({ unit: fc.constantFrom("a", "b", "/", ".", "-"), minLength: 1, maxLength }),
    fc.array(fc.integer({ min: 1, max: 255 }), { minLength: 1, maxLength: Math.min(maxLength, 300) })
      .map((codes) => String.fromCharCode(...codes)),
  );

const names = fc.oneof(nameBytes(90), nameBytes(300), fc.constantFrom("n".repeat(255), "d/".repeat(2000) + "f"));
const ids = fc.oneof(fc.nat(65_536), fc.integer({ min: 2_097_150, max: 2_097_153 }), fc.constant(4_294_967_294));
const times = fc.oneof(
  fc.integer({ min: -5_000_000_000, max: 10_000_000_000 }).map((seconds) => BigInt(seconds) * 1_000_000_000n),
  fc.bigInt({ min: -(2n ** 62n), max: 2n ** 65n }),
);
const xattrs = fc.dictionary(
  fc.string({ unit: fc.constantFrom("a", "b", ".", " ", "\n", "\xff"), minLength: 1, maxLength: 20 }),
  fc.uint8Array({ maxLength: 200 }),
  { maxKeys: 4 },
).map((record) => new Map(Object.entries(record)));

const entries: fc.Arbitrary<ReadEntry> = fc.record({
  type: fc.constantFrom<EntryType>("file", "hardlink", "symlink", "char", "block", "dir", "fifo"),
  name: names.filter((name) => !/\/$/.test(name)),
  mode: fc.integer({ min: 0, max: 0o7777 }),
  uid: ids,
  gid: ids,
  mtimeNs: times,
  linkName: names,
  devMajor: fc.integer({ min: 0, max: 4095 }),
  devMinor: fc.integer({ min: 0, max: 1_048_575 }),
  xattrs: fc.option(xattrs, { nil: undefined }),
  content: fc.oneof(
    fc.uint8Array({ maxLength: 1200 }),
    fc.constantFrom(511, 512, 513, 16_384, 70_000).map((size) => new Uint8Array(size)),
  ),
}).map(({ content, xattrs, ...fields }) => {
  const { type } = fields;
  const isDevice = type === "char" || type === "block";
  const body = type === "file" ? content : new Uint8Array(0);
  const entry: TarEntry = {
    ...fields,
    name: type === "dir" ? `${fields.name}/` : fields.name,
    size: body.length,
    linkName: type === "hardlink" || type === "symlink" ? fields.linkName : "",
    devMajor: isDevice ? fields.devMajor : 0,
    devMinor: isDevice ? fields.devMinor : 0,
    ...xattrs === undefined || xattrs.size === 0 ? {} : { xattrs },
  };
  return { entry, content: body };
});

function write(list: readonly ReadEntry[]): Uint8Array {
  const parts: Uint8Array[] = [];
  const writer = new TarWriter((chunk) => parts.push(chunk.slice()));
  for (const { entry, content } of list) {
    writer.header(entry);
    for (let at = 0; at < content.length; at += 20_000) writer.body(content.subarray(at, at + 20_000));
  }
  writer.finish();
  return forge.join(...parts);
}

Deno.test("writer and reader, are inverse for every entry", () => {
  fc.assert(
    fc.property(fc.array(entries, { maxLength: 6 }), (list) => {
      assert.deepEqual(readAll(write(list)), list.map(({ entry, content }) => ({ entry, content })));
    }),
    { numRuns: 300 },
  );
});

Deno.test("reader, gives the same events however the archive is cut", () => {
  const pieces = fc.array(fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 3000 })), {
    minLength: 1,
  });
  fc.assert(
    fc.property(fc.array(entries, { maxLength: 4 }), pieces, (list, sizes) => {
      const archive = forge.join(sparseEntry(), forge.pax([["comment", "c"]], { typeFlag: "g" }), write(list));
      assert.deepEqual(readAll(archive, { pieces: sizes }), readAll(archive));
    }),
    { numRuns: 200 },
  );
});

Deno.test("reader, refuses altered archives with a KilnError or reads them, and nothing else", () => {
  const change = fc.record({ at: fc.nat(), byte: fc.nat(255) });
  fc.assert(
    fc.property(
      fc.array(entries, { maxLength: 3 }),
      fc.array(change, { minLength: 1, maxLength: 5 }),
      (list, changes) => {
        const archive = forge.join(sparseEntry(), write(list));
        for (const { at, byte } of changes) archive[at % archive.length] = byte;
        try {
          readAll(archive);
        } catch (error) {
          assert.ok(error instanceof KilnError, `${error}`);
        }
      },
    ),
    { numRuns: 500 },
  );
});

Deno.test("reader, survives headers of random bytes with a right checksum", () => {
  const blocks = fc.uint8Array({ minLength: 512, maxLength: 512 });
  const nothing = (): void => undefined;
  fc.assert(
    fc.property(blocks, fc.constantFrom("ustar\x0000", "ustar  \0", "\0"), (block, magic) => {
      const header = forge.header({
        patch: (target) => {
          target.set(block);
          target.set(Uint8Array.from(magic, (char) => char.charCodeAt(0)), 257);
          target[156] = "0123457SxgLK"[(block[156] ?? 0) % 12]?.charCodeAt(0) ?? 0;
          // numbers that parse, so that what lies behind them is reached
          for (const at of [100, 108, 116, 124, 136, 329, 337]) target.fill(0x30, at, at + 7).fill(0, at + 7, at + 8);
          target.fill(0x30, 124, 135).fill(0x30, 136, 147);
        },
      });
      const reader = new TarReader({ entry: nothing, data: nothing, hole: nothing, entryEnd: nothing });
      try {
        reader.push(forge.archive(header));
        reader.end();
      } catch (error) {
        assert.ok(error instanceof KilnError, `${error}`);
      }
    }),
    { numRuns: 1000 },
  );
});

/** A sparse file in PAX format 1.0, so that its states are cut, too. */
function sparseEntry(): Uint8Array {
  const map = forge.padded("3\n512\n1024\n4096\n100\n5000\n0\n");
  return forge.join(
    forge.pax([
      ["GNU.sparse.major", "1"],
      ["GNU.sparse.minor", "0"],
      ["GNU.sparse.name", "sparse"],
      ["GNU.sparse.realsize", "5000"],
    ]),
    forge.entry({ name: "GNUSparseFile.0/sparse" }, forge.join(map, "x".repeat(1124))),
  );
}
