/**
 * Sparse files: the four ways GNU tar stores them are expanded, forged maps are refused (pains-and-security.md S24).
 *
 * Guards named in the tests were taken out one by one to see them fail.
 *
 * @module
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { TarReader } from "../../../lib/tar/reader.ts";
import { run } from "../../support/environment/command.ts";
import { prepared } from "../../support/environment/environment.ts";
import * as forge from "../../support/tar_forge.ts";
import { assertRefused, readAll } from "./collect_entries.ts";

const WAYS: readonly (readonly [name: string, options: readonly string[]])[] = [
  ["old GNU", ["tar", "-S", "--format=gnu", "-cf"]],
  ["PAX 0.0", ["tar", "-S", "--format=pax", "--sparse-version=0.0", "-cf"]],
  ["PAX 0.1", ["tar", "-S", "--format=pax", "--sparse-version=0.1", "-cf"]],
  ["PAX 1.0", ["tar", "-S", "--format=pax", "--sparse-version=1.0", "-cf"]],
  ["bsdtar", ["bsdtar", "-cf"]],
];

/** Files with holes at the start, in the middle, at the end, everywhere, and with more regions than one block holds. */
const FILES: Readonly<Record<string, string>> = {
  "middle": "printf start > f; printf end | dd of=f bs=1 seek=100000 conv=notrunc",
  "start": "printf end | dd of=f bs=1 seek=1048576 conv=notrunc",
  "end": "printf start > f; truncate -s 300001 f",
  "all": "truncate -s 65537 f",
  "many": "for i in $(seq 1 60); do printf x$i | dd of=f bs=1 seek=$((i * 65536)) conv=notrunc; done",
};

for (const [way, command] of WAYS) {
  Deno.test(`sparse files, are expanded as ${way} stores them`, async (t) => {
    await prepared({ tools: ["bsdtar"] });
    for (const [shape, script] of Object.entries(FILES)) {
      await t.step(shape, async () => {
        const folder = await Deno.makeTempDir();
        try {
          await run(["bash", "-c", script], { cwd: folder });
          const { bytes: archive } = await run([...command, "-", "f"], { cwd: folder });
          const original = await Deno.readFile(`${folder}/f`);
          assert.ok(archive.length < original.length + 10_240 || original.length < 100_000, "stored sparsely");
          for (const pieces of [[archive.length], [10_240], [511], [1, 700]]) {
            const [read, ...more] = readAll(archive, { pieces });
            assert.equal(more.length, 0);
            assert.equal(read?.entry.name, "f");
            assert.equal(read.entry.size, original.length);
            assert.deepEqual(sha256(read.content), sha256(original));
          }
        } finally {
          await Deno.remove(folder, { recursive: true });
        }
      });
    }
  });
}

Deno.test("sparse file with a long name, keeps its name and not the one made up for old readers", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const name = `${"d".repeat(120)}/${"f".repeat(120)}`;
    await Deno.mkdir(`${folder}/${"d".repeat(120)}`);
    await Deno.writeTextFile(`${folder}/${name}`, "start");
    await Deno.truncate(`${folder}/${name}`, 200_000);
    const { bytes: archive } = await run(["tar", "-S", "--format=pax", "-cf", "-", name], { cwd: folder });
    assert.deepEqual(readAll(archive).map(({ entry }) => entry.name), [name]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("holes, are given as lengths to a handler that wants them so", () => {
  const size = 32 * 1024 ** 3;
  const archive = forge.archive(
    forge.gnuSparse({ size: 512 }, {
      regions: [[1024 ** 3, 512], [size, 0]],
      realSize: forge.base256(BigInt(size), 12),
    }),
    "x".repeat(512),
  );
  const calls: string[] = [];
  const reader = new TarReader({
    entry: (entry) => calls.push(`entry ${entry.size}`),
    data: (bytes) => calls.push(`data ${bytes.length}`),
    hole: (length) => calls.push(`hole ${length}`),
    entryEnd: () => calls.push("end"),
  });
  reader.push(archive);
  reader.end();
  assert.deepEqual(calls, ["entry 34359738368", "hole 1073741824", "data 512", "hole 33285996032", "end"]);
});

Deno.test("sparse file, is followed by the next entry at the right place", () => {
  const stored = "x".repeat(512) + "y".repeat(100);
  const archive = forge.archive(
    forge.gnuSparse({ name: "s", size: 612 }, { regions: [[0, 512], [1024, 100]], realSize: 1124 }),
    forge.padded(stored),
    forge.entry({ name: "next" }, "content"),
  );
  const found = readAll(archive).map(({ entry, content }) => [entry.name, content.length]);
  assert.deepEqual(found, [["s", 1124], ["next", 7]]);
});

Deno.test("S24 sparse file of 8 EiB, is refused", () => {
  // guard: sparse_map.ts close(), for numbers below 2^53, and readBase256()
  const real = (realSize: forge.ForgedNumber): Uint8Array =>
    forge.archive(forge.gnuSparse({}, { regions: [[realSize, 0]], realSize }));
  assertRefused(real(forge.base256(2n ** 63n - 1n, 12)), /is beyond 2\^53$/);
  assertRefused(
    real(forge.base256(2n ** 40n, 12)),
    'Cannot read the archive entry "file" at byte 0: it is a sparse file of 1099511627776 bytes, more than 68719476736',
  );
  assertRefused(sparse10(`1\n${2 ** 40}\n0\n`, { realSize: String(2 ** 40) }), /more than 68719476736$/);
});

Deno.test("S24 chain of a million sparse blocks, is refused in bounded memory", () => {
  // guard: sparse_map.ts add()
  const region = (index: number): [number, number] => [index * 512, 0];
  const first = forge.gnuSparse({}, { regions: [0, 1, 2, 3].map(region), realSize: 2 ** 33, extended: true });
  const reader = new TarReader({ entry: fail, data: fail, entryEnd: fail });
  reader.push(first);
  const before = memoryOf();
  const block = forge.gnuSparseExtension({ regions: Array.from({ length: 21 }, () => ["\x80", 0]), extended: true });
  const numbers = new DataView(block.buffer);
  assert.throws(() => {
    for (let index = 4; index < 21_000_000; index += 21) {
      // the offsets in base 256
      for (let at = 0; at < 21; at++) numbers.setUint32(at * 24 + 8, (index + at) * 512);
      reader.push(block);
    }
  }, /its sparse map has more than 1000000 regions$/);
  assert.ok(memoryOf() - before < 64 * 2 ** 20, "less than 64 MiB");
});

Deno.test("S24 PAX map of ten million regions, is refused by its first line", () => {
  // guard: sparse_map.ts SparseMapText
  assertRefused(sparse10("10000000\n"), /its sparse map has more than 1000000 regions$/);
  assertRefused(sparse10("1001\n"), /more than 1000 regions$/, { limits: { maxSparseRegions: 1000 } });
});

Deno.test("S24 forged sparse maps, are refused", async (t) => {
  // guards: sparse_map.ts add() and close(), one line each
  const data = "x".repeat(1024);
  const old = (map: forge.GnuSparseMap, size = 1024): Uint8Array =>
    forge.archive(forge.gnuSparse({ size }, map), forge.padded(data.slice(0, size)));
  const cases: readonly (readonly [name: string, archive: Uint8Array, reason: RegExp])[] = [
    ["overlap", old({ regions: [[0, 512], [256, 512]], realSize: 768 }), /overlap or are not in order$/],
    ["backwards", old({ regions: [[1024, 512], [0, 512]], realSize: 1536 }), /overlap or are not in order$/],
    ["beyond the end", old({ regions: [[0, 1024]], realSize: 1000 }), /does not end where the file does$/],
    ["short of the end", old({ regions: [[0, 1024]], realSize: 2000 }), /does not end where the file does$/],
    ["too little stored", old({ regions: [[0, 1536]], realSize: 1536 }), /1536 bytes of data, but 1024 are stored$/],
    ["too much stored", old({ regions: [[0, 512]], realSize: 512 }), /512 bytes of data, but 1024 are stored$/],
    ["odd region", old({ regions: [[0, 100], [512, 924]], realSize: 1436 }), /not a multiple of 512 bytes$/],
    ["negative length", old({ regions: [[0, forge.base256(-512n, 12)]], realSize: 0 }), /overlap or are not in order$/],
    ["negative offset", old({ regions: [[forge.base256(-512n, 12), 512]], realSize: 0 }), /overlap or are not/],
    ["no number", old({ regions: [["junk", 1024]], realSize: 1024 }), /offset of a sparse region .* not a number$/],
    ["length only", old({ regions: [["", 1024]], realSize: 1024 }), /its sparse map has an empty entry$/],
    ["gap", old({ regions: [[0, 512], ["", ""], [512, 512]], realSize: 1024 }), /has an empty entry$/],
    [
      "block after its end",
      old({ regions: [[0, 1024]], realSize: 1024, extended: true }),
      /its sparse map ends before its last block$/,
    ],
    [
      "not GNU",
      forge.archive(forge.gnuSparse({ magic: forge.MAGIC.ustar }, { regions: [], realSize: 0 })),
      /prefix|not of GNU/,
    ],
  ];
  for (const [name, archive, reason] of cases) await t.step(name, () => assertRefused(archive, reason));
});

Deno.test("S24 forged PAX sparse records, are refused", async (t) => {
  // guards: sparse_map.ts readPaxSparse() and SparseMapText, pax.ts applyGnuRecord()
  const records = (...list: readonly (readonly [string, string])[]): Uint8Array =>
    forge.archive(forge.pax(list.map(([key, value]) => [`GNU.sparse.${key}`, value] as const)), forge.entry({}, "x"));
  const cases: readonly (readonly [name: string, archive: Uint8Array, reason: RegExp])[] = [
    ["unknown version", records(["major", "2"], ["minor", "0"]), /of an unknown format$/],
    ["no size", records(["numblocks", "1"], ["map", "0,1"]), /not those of format 0.0 or 0.1$/],
    ["both maps", records(["size", "1"], ["numblocks", "1"], ["map", "0,1"], ["offset", "0"]), /not those of format/],
    ["no map", records(["size", "1"], ["numblocks", "0"]), /not those of format/],
    ["wrong count", records(["size", "1"], ["numblocks", "2"], ["map", "0,1"]), /the number of regions it announces$/],
    ["odd map", records(["size", "1"], ["numblocks", "1"], ["map", "0,1,2"]), /the number of regions it announces$/],
    ["no number", records(["size", "1"], ["numblocks", "1"], ["map", "0,x"]), /sparse map .* not a number/],
    ["out of turn", records(["size", "1"], ["numblocks", "1"], ["numbytes", "1"], ["offset", "0"]), /not in turn$/],
    ["no name", records(["major", "1"], ["minor", "0"], ["realsize", "1"]), /not those of format 1.0$/],
    ["mixed", records(["major", "1"], ["minor", "0"], ["realsize", "1"], ["name", "n"], ["size", "1"]), /format 1.0$/],
    ["star", forge.archive(forge.pax([["SCHILY.realsize", "9"]]), forge.entry()), /as star writes them/],
    ["text", sparse10("one\n"), /not a list of numbers$/],
    ["empty line", sparse10("\n"), /not a list of numbers$/],
    ["sign", sparse10("1\n+0\n512\n"), /not a list of numbers$/],
    ["endless number", sparse10("1".repeat(17)), /not a list of numbers$/],
    ["cut", sparse10("1\n0\n", { size: 4 }), /its sparse map is not complete$/],
    ["no padding", sparse10("1\n0\n0\n", { size: 6, realSize: "0" }), /its sparse map is not complete$/],
    ["nothing", sparse10("", { size: 0 }), /its sparse map is missing$/],
    ["on a link", onLink(), /it has a sparse map, but is not a plain file$/],
    ["two names", sparse10("1\n0\n0\n", { path: "evil" }), /gives it two names$/],
  ];
  for (const [name, archive, reason] of cases) await t.step(name, () => assertRefused(archive, reason));
});

/** An archive with a file in PAX format 1.0 whose map is `text`. */
function sparse10(
  text: string,
  fields: { readonly realSize?: string; readonly size?: number; readonly path?: string } = {},
): Uint8Array {
  const records: (readonly [string, string])[] = [
    ["GNU.sparse.major", "1"],
    ["GNU.sparse.minor", "0"],
    ["GNU.sparse.name", "name"],
    ["GNU.sparse.realsize", fields.realSize ?? "0"],
    ...fields.path === undefined ? [] : [["path", fields.path] as const],
  ];
  const body = forge.padded(text);
  return forge.archive(forge.pax(records), forge.header({ size: fields.size ?? body.length }), body);
}

function onLink(): Uint8Array {
  const records = [["GNU.sparse.size", "0"], ["GNU.sparse.numblocks", "1"], ["GNU.sparse.map", "0,0"]] as const;
  return forge.archive(forge.pax(records), forge.entry({ typeFlag: "2", linkName: "l" }));
}

function sha256(content: Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

/** Bytes held by this test's isolate; the process has others. */
function memoryOf(): number {
  const { heapUsed, external } = Deno.memoryUsage();
  return heapUsed + external;
}

function fail(): never {
  throw new Error("Nothing of the archive may be handed out");
}
