import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { deflateSync } from "node:zlib";
import { KilnError } from "../../../lib/errors.ts";
import { DEFAULT_PACK_LIMITS } from "../../../lib/git/pack_limits.ts";
import { ObjectTable } from "../../../lib/git/object_table.ts";
import { PackScanner } from "../../../lib/git/pack_scanner.ts";
import { readPack } from "../../../lib/git/read_pack.ts";
import fc from "../../support/fast_check.ts";
import {
  copy,
  forgeCommit,
  forgeDelta,
  type ForgedObject,
  forgeFlat,
  forgePack,
  forgeTree,
  idOf,
  insert,
} from "../../support/git_forge.ts";

const text = (content: string): Buffer => Buffer.from(content, "latin1");
const blob = (content: string): ForgedObject => ({ type: "blob", content: text(content) });
const blobId = (content: string): string => idOf("blob", text(content));

/** Reads a pack into a directory and hands it to `look`. */
async function reading(
  pack: Uint8Array,
  id: string,
  look: (directory: string) => void | Promise<void> = () => {},
): Promise<void> {
  const root = await Deno.makeTempDir({ prefix: "kiln-pack-" });
  try {
    for (const name of ["d", "s"]) await Deno.mkdir(`${root}/${name}`);
    await Deno.writeFile(`${root}/p`, pack);
    await readPack({
      pack: `${root}/p`,
      scratch: `${root}/s`,
      directory: `${root}/d`,
      below: "",
      id,
      commitTime: false,
    });
    await look(`${root}/d`);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

async function refused(pack: Uint8Array, id: string, found: RegExp): Promise<void> {
  await assert.rejects(reading(pack, id), (error) => {
    assert(error instanceof KilnError, `not a KilnError: ${error instanceof Error ? error.stack : error}`);
    assert.equal(error.kind, "integrity");
    assert.match(error.message, found);
    return true;
  });
}

Deno.test("readPack(), applies deltas of both kinds in any order, upon each other", async () => {
  const base = "0123456789".repeat(20);
  const [one, two, three] = [`${base}one`, `two${base}one`, `${base.slice(5, 50)}!${base}one`];
  const { id, objects } = forgeFlat(
    [["100644", "a", blobId(base)], ["100644", "b", blobId(one)], ["100644", "c", blobId(two)], [
      "100755",
      "d",
      blobId(three),
    ]],
    [
      // Its base comes later, and is itself a delta that names a base that comes later.
      { type: "reference", base: blobId(one), delta: forgeDelta(203, 206, insert("two"), copy(0, 203)) },
      { type: "reference", base: blobId(base), delta: forgeDelta(200, 203, copy(0, 200), insert("one")) },
      blob(base),
      { type: "offset", base: 3, delta: forgeDelta(203, 249, copy(5, 45), insert("!"), copy(0, 203)) },
    ],
  );
  await reading(forgePack(objects), id, async (directory) => {
    const found = await Promise.all(["a", "b", "c", "d"].map((name) => Deno.readTextFile(`${directory}/${name}`)));
    assert.deepEqual(found, [base, one, two, three]);
  });
});

Deno.test("readPack(), makes any text again from a delta that was cut into pieces", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.string({ minLength: 1, maxLength: 300, unit: "binary-ascii" }),
      fc.array(
        fc.oneof(fc.string({ minLength: 1, maxLength: 100, unit: "binary-ascii" }), fc.tuple(fc.nat(), fc.nat())),
        {
          minLength: 1,
          maxLength: 20,
        },
      ),
      async (base, pieces) => {
        let result = "";
        const instructions = pieces.map((piece) => {
          if (typeof piece === "string") {
            result += piece;
            return insert(piece);
          }
          const from = piece[0] % base.length;
          const length = 1 + piece[1] % (base.length - from);
          result += base.slice(from, from + length);
          return copy(from, length);
        });
        const delta = forgeDelta(base.length, result.length, ...instructions);
        const { id, objects } = forgeFlat([["100644", "f", blobId(result)]], [
          blob(base),
          { type: "offset", base: 2, delta },
        ]);
        await reading(forgePack(objects), id, async (directory) => {
          assert.equal(await Deno.readTextFile(`${directory}/f`), result);
        });
      },
    ),
    { numRuns: 30 },
  );
});

Deno.test("S48 pack with any byte changed, is refused or is what it was", async () => {
  const content = "some content\n".repeat(30);
  const { id, objects } = forgeFlat([["100644", "f", blobId(`${content}x`)], ["100644", "g", blobId(content)]], [
    blob(content),
    {
      type: "offset",
      base: 2,
      delta: forgeDelta(content.length, content.length + 1, copy(0, content.length), insert("x")),
    },
  ]);
  const pack = forgePack(objects);
  for (let at = 0; at < pack.length; at++) {
    const changed = Buffer.from(pack);
    changed.writeUInt8((pack[at] ?? 0) ^ (1 << (at % 8)), at);
    await assert.rejects(
      reading(changed, id),
      (error) => error instanceof KilnError && error.kind === "integrity",
      `byte ${at}`,
    );
  }
});

Deno.test("PackScanner, takes a pack cut anywhere", () => {
  const content = text("some content\n".repeat(30));
  const delta = forgeDelta(content.length, content.length + 1, copy(0, content.length), insert("x"));
  const { objects } = forgeFlat([["100644", "f", idOf("blob", content)]], [
    { type: "blob", content },
    { type: "offset", base: 2, delta },
  ]);
  const pack = forgePack(objects);
  for (let first = 1; first < pack.length; first++) {
    for (const rest of [1, 7, pack.length]) {
      const table = new ObjectTable();
      using scanner = new PackScanner(table);
      scanner.push(pack.subarray(0, first));
      for (let at = first; at < pack.length; at += rest) scanner.push(pack.subarray(at, at + rest));
      scanner.end();
      assert.deepEqual([0, 1, 2, 3].map((index) => table.size(index)).slice(2), [content.length, content.length + 1]);
      assert.equal(table.id(2), idOf("blob", content));
    }
  }
});

Deno.test("S48 pack that ends early anywhere, is refused", async () => {
  const { id, objects } = forgeFlat([["100644", "f", blobId("x")]], [blob("x")]);
  const pack = forgePack(objects);
  for (let length = 0; length < pack.length; length++) {
    await refused(pack.subarray(0, length), id, /^Cannot read the pack: /);
  }
});

const good = forgeFlat([["100644", "f", blobId("x")]], [blob("x")]);

const MALFORMED: readonly (readonly [string, Uint8Array, RegExp])[] = [
  ["more objects announced than it has", forgePack(good.objects, 9), /./],
  ["fewer objects announced than it has", forgePack(good.objects, 2), /its checksum is wrong|follows its end/],
  ["4 billion objects announced", forgePack(good.objects, 0xffff_ffff), /more than the 4194304 that are accepted/],
  ["something after its end", Buffer.concat([forgePack(good.objects), text("x")]), /something follows its end/],
  [
    "an object larger than its header says",
    forgePack([{ type: "blob", content: text("xyz"), size: 2 }]),
    /more than its 2 bytes/,
  ],
  [
    "an object smaller than its header says",
    forgePack([{ type: "blob", content: text("xyz"), size: 4 }]),
    /less than its 4 bytes/,
  ],
  [
    "an object of type 5",
    forgePack([{ type: "raw", bytes: Buffer.concat([text("\x50"), deflateSync(text(""))]) }]),
    /has the type 5/,
  ],
  [
    "an object of type 0",
    forgePack([{ type: "raw", bytes: Buffer.concat([text("\x00"), deflateSync(text(""))]) }]),
    /has the type 0/,
  ],
  ["an object whose size has no end", forgePack([{ type: "raw", bytes: Buffer.alloc(40, 0xff) }]), /has no end/],
  [
    "an object that is not zlib",
    forgePack([{ type: "raw", bytes: text("\x31xxxxxxxxxxxxxxxxx") }]),
    /cannot be inflated/,
  ],
  [
    "a delta with itself as base",
    forgePack([{ type: "raw", bytes: Buffer.concat([text("\x60\x00"), deflateSync(text(""))]) }]),
    /has no base/,
  ],
  [
    "a delta with a base between objects",
    forgePack([...good.objects, { type: "raw", bytes: Buffer.concat([text("\x61\x03"), deflateSync(text("x"))]) }]),
    /has no base/,
  ],
  [
    "a delta with a base that is not there",
    forgePack([{ type: "reference", base: "ab".repeat(20), delta: forgeDelta(1, 1, insert("x")) }]),
    /is not in it/,
  ],
];

for (const [what, pack, found] of MALFORMED) {
  Deno.test(`S48 pack with ${what}, is refused`, () => refused(pack, good.id, found));
}

Deno.test("S48 pack with deltas that are each other's base, is refused", async () => {
  // Nobody can know the ids such objects would have; whatever they are, nothing resolves.
  const delta = forgeDelta(1, 1, copy(0, 1));
  const [a, b] = ["aa".repeat(20), "bb".repeat(20)];
  await refused(
    forgePack([...good.objects, { type: "reference", base: a, delta }, { type: "reference", base: b, delta }]),
    good.id,
    /the base of 2 of its deltas is not in it/,
  );
});

const DELTAS: readonly (readonly [string, Uint8Array, RegExp])[] = [
  ["copies from beyond its base", forgeDelta(10, 20, copy(5, 20)), /copies from beyond the end of its base/],
  ["copies from 4 GiB on", forgeDelta(10, 20, copy(0xffff_ffff, 20)), /copies from beyond the end/],
  ["copies more than it says", forgeDelta(10, 5, copy(0, 6)), /makes more than it says/],
  ["inserts more than it says", forgeDelta(10, 2, insert("abc")), /makes more than it says/],
  ["makes less than it says", forgeDelta(10, 5, insert("abc")), /makes less than it says/],
  ["is for a larger base", forgeDelta(11, 3, insert("abc")), /is for a base of another size/],
  ["has the reserved instruction", forgeDelta(10, 3, Uint8Array.of(0), insert("abc")), /instruction that is reserved/],
  ["ends within an insert", forgeDelta(10, 9, Uint8Array.of(9, 1)), /ends in the middle/],
  ["ends within a copy", forgeDelta(10, 9, Uint8Array.of(0xff, 1)), /ends in the middle/],
  ["has no result size", Uint8Array.of(10), /has no size/],
];

for (const [what, delta, found] of DELTAS) {
  Deno.test(`S48 delta that ${what}, is refused`, async () => {
    await refused(forgePack([...good.objects, blob("0123456789"), { type: "offset", base: 3, delta }]), good.id, found);
  });
}

Deno.test("S48 delta bomb, is refused before anything is made of it", async () => {
  const base = text("x".repeat(65_536));
  const copies = Array.from({ length: 20_000 }, () => copy(0, 65_536));
  const delta = forgeDelta(base.length, 65_536 * copies.length, ...copies);
  const started = performance.now();
  await refused(
    forgePack([...good.objects, { type: "blob", content: base }, { type: "offset", base: 3, delta }]),
    good.id,
    /expand to 1310720000$/,
  );
  assert(performance.now() - started < 5_000);
});

Deno.test("S48 chain of 5,000 deltas, is refused without recursion", async () => {
  const chain = Array.from({ length: 5_000 }, (_, at): ForgedObject => ({
    type: "offset",
    base: at + 3,
    delta: forgeDelta(at + 1, at + 2, copy(0, at + 1), insert("x")),
  }));
  await refused(forgePack([...good.objects, blob("x"), ...chain]), good.id, /more than 4095 deltas upon deltas/);
});

Deno.test("S48 tree bomb, is refused", async () => {
  // Ten levels with the same tree ten times each: 10^10 files of 10 kB.
  const content = "x".repeat(10_000);
  const names = Array.from({ length: 10 }, (_, at) => String(at));
  let tree = forgeTree(names.map((name) => ["100644", name, blobId(content)]));
  const objects: ForgedObject[] = [blob(content), { type: "tree", content: tree }];
  for (let level = 0; level < 10; level++) {
    const below = idOf("tree", tree);
    tree = forgeTree(names.map((name) => ["40000", name, below]));
    objects.push({ type: "tree", content: tree });
  }
  const commit = forgeCommit(idOf("tree", tree));
  const root = await Deno.makeTempDir({ prefix: "kiln-pack-" });
  try {
    for (const name of ["d", "s"]) await Deno.mkdir(`${root}/${name}`);
    await Deno.writeFile(`${root}/p`, forgePack([{ type: "commit", content: commit }, ...objects]));
    await assert.rejects(
      readPack({
        pack: `${root}/p`,
        scratch: `${root}/s`,
        directory: `${root}/d`,
        below: "",
        id: idOf("commit", commit),
        commitTime: false,
        limits: { ...DEFAULT_PACK_LIMITS, freeBytes: 1024 ** 2 },
      }),
      /the files come to far more than was sent$/,
    );
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

const NAMES: readonly (readonly [string, readonly (readonly [string, string])[], RegExp])[] = [
  [".git", [["40000", ".git"]], /a name means \.git/],
  [".GIT", [["100644", ".GIT"]], /a name means \.git/],
  ["git~1", [["100644", "git~1"]], /a name means \.git/],
  [".git with a zero-width joiner", [["100644", ".g\xe2\x80\x8cit"]], /a name means \.git/],
  [".git with dots and spaces behind", [["100644", ".git . ."]], /a name means \.git/],
  [".git with a stream", [["100644", ".git::$INDEX_ALLOCATION"]], /a name means \.git/],
  [".git behind a backslash", [["100644", "a\\.git"]], /a name means \.git/],
  ["..", [["40000", ".."]], /a name is "\.\."/],
  [".", [["40000", "."]], /a name is "\."/],
  ["a path", [["100644", "a/b"]], /has a "\/" in it/],
  ["nothing", [["100644", ""]], /a name is empty/],
  [".gitmodules as a symlink", [["120000", ".gitmodules"]], /its \.gitmodules is a symlink/],
  [".gitmodules as a symlink by its short name", [["120000", "GITMOD~1"]], /its \.gitmodules is a symlink/],
  ["names out of order", [["100644", "b"], ["100644", "a"]], /not in order/],
  ["one name twice", [["100644", "a"], ["100644", "a"]], /not in order/],
  [
    "a symlink and a directory of one name",
    [["120000", "a"], ["40000", "a"]],
    /Cannot check out "a": its name comes twice/,
  ],
  ["a device", [["20666", "a"]], /unknown kind of entry/],
];

for (const [what, entries, found] of NAMES) {
  Deno.test(`S47 tree with ${what}, is refused`, async () => {
    const inner = forgeTree([["100644", "f", blobId("x")]]);
    const { id, objects } = forgeFlat(
      entries.map(([mode, name]) => [mode, name, mode === "40000" ? idOf("tree", inner) : blobId("x")]),
      [blob("x"), { type: "tree", content: inner }],
    );
    await refused(forgePack(objects), id, found);
  });
}

Deno.test("S12 tree with a symlink and then files below it, writes nothing outside", async () => {
  const outside = await Deno.makeTempDir({ prefix: "kiln-outside-" });
  try {
    const inner = forgeTree([["100644", "f", blobId("x")]]);
    const { id, objects } = forgeFlat([["120000", "a", blobId(outside)], ["40000", "a", idOf("tree", inner)]], [
      blob(outside),
      blob("x"),
      { type: "tree", content: inner },
    ]);
    await refused(forgePack(objects), id, /its name comes twice/);
    assert.deepEqual([...Deno.readDirSync(outside)], []);
  } finally {
    await Deno.remove(outside, { recursive: true });
  }
});

Deno.test("S48 pack without an object of the tree, is refused", async () => {
  const { id, objects } = forgeFlat([["100644", "f", blobId("missing")]]);
  await refused(forgePack(objects), id, /the server did not send it$/);
});

Deno.test("S48 tree with a blob where a directory is due, is refused", async () => {
  const { id, objects } = forgeFlat([["40000", "d", blobId("x")]], [blob("x")]);
  await refused(forgePack(objects), id, /it is a blob, not a tree$/);
});

Deno.test("readPack() of a pack without the commit, writes nothing and says so", async () => {
  const root = await Deno.makeTempDir({ prefix: "kiln-pack-" });
  try {
    for (const name of ["d", "s"]) await Deno.mkdir(`${root}/${name}`);
    await Deno.writeFile(`${root}/p`, forgePack(good.objects));
    const found = await readPack({
      pack: `${root}/p`,
      scratch: `${root}/s`,
      directory: `${root}/d`,
      below: "",
      id: "ab".repeat(20),
      commitTime: false,
    });
    assert.deepEqual(found, { submodules: [], lfsFiles: [] });
    assert.deepEqual([...Deno.readDirSync(`${root}/d`)], []);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});
