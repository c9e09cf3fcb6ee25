/**
 * What the writer writes, judged by GNU tar, bsdtar and Python; and that it is the same bytes every time.
 *
 * @module
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import type { TarEntry } from "../../../lib/tar/entry.ts";
import { TarWriter } from "../../../lib/tar/writer.ts";
import { run } from "../../support/environment/command.ts";
import { prepared } from "../../support/environment/environment.ts";
import { bsdExtract, type Extracted, gnuExtract, pythonEntries, type SeenEntry } from "../../support/gnu_tar.ts";
import * as forge from "../../support/tar_forge.ts";

const SECOND = 1_000_000_000n;
const root = { ignore: Deno.uid() !== 0 };

/** An entry to be written. */
interface Planned {
  readonly entry: TarEntry;
  readonly content?: Uint8Array;
}

function entry(fields: Partial<TarEntry>): TarEntry {
  return {
    name: "file",
    type: "file",
    mode: 0o644,
    uid: 0,
    gid: 0,
    size: 0,
    mtimeNs: 1_000_000_000n * SECOND,
    linkName: "",
    devMajor: 0,
    devMinor: 0,
    ...fields,
  };
}

function write(...planned: readonly Planned[]): Uint8Array {
  const parts: Uint8Array[] = [];
  const writer = new TarWriter((chunk) => parts.push(chunk.slice()));
  for (const { entry, content } of planned) {
    writer.header(entry);
    if (content !== undefined) writer.body(content);
  }
  writer.finish();
  return forge.join(...parts);
}

/** Names at the limits of the fields and of the file system. */
const NAMES: readonly string[] = [
  "a",
  "n".repeat(100),
  "n".repeat(101),
  "c".repeat(255),
  `${"p".repeat(155)}/${"n".repeat(100)}`,
  `${"p".repeat(156)}/${"n".repeat(99)}`,
  `${"p".repeat(60)}/${"q".repeat(60)}/${"n".repeat(60)}`,
  `${"d".repeat(250)}/`.repeat(15) + "deep-4000-byte-name".padEnd(235, "x"),
  "caf\xe9",
  "caf\xc3\xa9",
  "cafe\xcc\x81",
  `long-latin1-\xe9-${"\xff".repeat(200)}`,
  `long-utf8-${"\xc3\xa9".repeat(100)}`,
  "line\nbreak",
  "esc\x1b[31m",
  "back\\slash",
  " spaces ",
  "-dash",
  "percent%41",
  "quote\"'`$x",
  "\x01\x02\x7f\x80\xfe",
];

/** One entry of every kind, with every edge of its metadata. */
function matrix(): readonly Planned[] {
  const bytes = (text: string): Uint8Array => Uint8Array.from(text, (char) => char.charCodeAt(0));
  return [
    { entry: entry({ name: "empty" }) },
    { entry: entry({ name: "small", size: 3, mode: 0o4755 }), content: bytes("abc") },
    { entry: entry({ name: "block", size: 512, mode: 0o2711 }), content: new Uint8Array(512).fill(7) },
    { entry: entry({ name: "large", size: 200_001 }), content: new Uint8Array(200_001).fill(8) },
    { entry: entry({ name: "dir/", type: "dir", mode: 0o1777 }) },
    { entry: entry({ name: "dir/none", mode: 0 }) },
    { entry: entry({ name: "hard", type: "hardlink", linkName: "small", mode: 0o4755 }) },
    { entry: entry({ name: "soft", type: "symlink", linkName: "../caf\xe9", mode: 0o777 }) },
    { entry: entry({ name: "soft-long", type: "symlink", linkName: "t/".repeat(150) + "\xff", mode: 0o777 }) },
    { entry: entry({ name: "soft-100", type: "symlink", linkName: "t".repeat(100), mode: 0o777 }) },
    { entry: entry({ name: "null", type: "char", devMajor: 1, devMinor: 3, mode: 0o666 }) },
    { entry: entry({ name: "far", type: "block", devMajor: 4095, devMinor: 1_048_575, mode: 0o600 }) },
    { entry: entry({ name: "whiteout", type: "char", devMajor: 0, devMinor: 0, mode: 0 }) },
    { entry: entry({ name: "fifo", type: "fifo", mode: 0o600 }) },
    { entry: entry({ name: "uid-max-octal", uid: 2_097_151, gid: 2_097_151 }) },
    { entry: entry({ name: "uid-pax", uid: 2_097_152, gid: 3_000_000 }) },
    { entry: entry({ name: "uid-largest", uid: 4_294_967_294, gid: 4_294_967_294 }) },
    { entry: entry({ name: "time-ns", mtimeNs: 1_700_000_000_123_456_789n }) },
    { entry: entry({ name: "time-1ns", mtimeNs: 1n }) },
    { entry: entry({ name: "time-0", mtimeNs: 0n }) },
    { entry: entry({ name: "time-negative", mtimeNs: -1n * SECOND }) },
    { entry: entry({ name: "time-negative-ns", mtimeNs: -1_500_000_000n }) },
    { entry: entry({ name: "time-octal-max", mtimeNs: 8_589_934_591n * SECOND }) },
    { entry: entry({ name: "time-far", mtimeNs: 8_589_934_592n * SECOND }) },
  ];
}

const LETTERS = { file: "f", hardlink: "f", dir: "d", symlink: "l", char: "c", block: "b", fifo: "p" } as const;

/** What an oracle should have made of them. */
function expected(planned: readonly Planned[]): readonly SeenEntry[] {
  return planned.map(({ entry }) => ({
    name: entry.name.replace(/\/$/, ""),
    type: LETTERS[entry.type],
    mode: entry.mode,
    uid: entry.uid,
    gid: entry.gid,
    size: entry.type === "hardlink" ? 3 : entry.size,
    mtimeNs: entry.mtimeNs,
    linkName: entry.type === "symlink" ? entry.linkName : "",
  })).sort((left, right) => left.name < right.name ? -1 : 1);
}

/** Returns seconds as the nearest floating-point number, as Python reads them. */
function secondsOf(mtimeNs: bigint): number {
  const digits = (mtimeNs < 0n ? -mtimeNs : mtimeNs).toString().padStart(10, "0");
  return Number(`${mtimeNs < 0n ? "-" : ""}${digits.slice(0, -9)}.${digits.slice(-9)}`);
}

const ORACLES: readonly (readonly [name: string, extract: (archive: Uint8Array) => Promise<Extracted>])[] = [
  ["GNU tar", gnuExtract],
  ["bsdtar", bsdExtract],
];

/** libarchive 3.6 reads -1.5 as -0.5; POSIX, GNU tar, Go and Python do not. */
const MISREAD_BY_BSDTAR = "time-negative-ns";

/** GNU tar does not know the mark of names that are not UTF-8, and says so; their bytes are right all the same. */
const UNKNOWN_CHARSET = /^\S*tar: Ignoring unknown extended header keyword 'hdrcharset'\n/;

for (const [oracle, extract] of ORACLES) {
  Deno.test(`writer, writes every kind of entry so that ${oracle} restores all of it`, root, async () => {
    await prepared({ tools: ["bsdtar"] });
    const planned = matrix().filter(({ entry }) => oracle !== "bsdtar" || entry.name !== MISREAD_BY_BSDTAR);
    await using extracted = await extract(write(...planned));
    assert.equal(extracted.warnings.replace(UNKNOWN_CHARSET, ""), "");
    const found = await extracted.entries();
    assert.deepEqual(found, expected(planned));
    assert.equal((await Deno.readFile(`${extracted.folder}/large`)).length, 200_001);
    const [small, hard] = await Promise.all([
      Deno.stat(`${extracted.folder}/small`),
      Deno.stat(`${extracted.folder}/hard`),
    ]);
    assert.equal(small.ino, hard.ino);
    const { stdout } = await run(["stat", "-c", "%n %t %T", "null", "far", "whiteout"], { cwd: extracted.folder });
    assert.equal(stdout, "null 1 3\nfar fff fffff\nwhiteout 0 0\n");
  });

  Deno.test(`writer, writes names of any bytes and length so that ${oracle} restores them`, async () => {
    await prepared({ tools: ["bsdtar"] });
    const files = NAMES.map((name) => ({ entry: entry({ name, uid: Deno.uid() ?? 0, gid: Deno.gid() ?? 0 }) }));
    const archive = write(...files);
    await using extracted = await extract(archive);
    assert.equal(extracted.warnings.replace(UNKNOWN_CHARSET, ""), "");
    const found = (await extracted.entries()).filter(({ type }) => type === "f").map(({ name }) => name);
    assert.deepEqual(found, [...NAMES].sort((left, right) => left < right ? -1 : 1));
  });
}

Deno.test("writer, writes every kind of entry so that Python sees all of it", async () => {
  await prepared({ tools: ["python3"] });
  const planned = [...matrix(), ...NAMES.map((name) => ({ entry: entry({ name: `names/${name}` }) }))];
  const flags = { file: "0", hardlink: "1", symlink: "2", char: "3", block: "4", dir: "5", fifo: "6" } as const;
  const found = await pythonEntries(write(...planned));
  assert.deepEqual(
    found.map(({ pax: _, sha256: __, ...fields }) => fields),
    planned.map(({ entry }) => ({
      name: entry.name.replace(/\/$/, ""),
      type: flags[entry.type],
      mode: entry.mode,
      uid: entry.uid,
      gid: entry.gid,
      size: entry.size,
      mtime: secondsOf(entry.mtimeNs),
      linkName: entry.linkName,
      devMajor: entry.devMajor,
      devMinor: entry.devMinor,
    })),
  );
  const large = found.find(({ name }) => name === "large");
  assert.equal(large?.sha256, createHash("sha256").update(new Uint8Array(200_001).fill(8)).digest("hex"));
});

Deno.test("writer, keeps attributes as bytes: file capabilities and NULs survive GNU tar", root, async () => {
  await prepared({ tools: ["getfattr", "getcap"] });
  const capability = Uint8Array.of(1, 0, 0, 2, 0x80, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
  const xattrs = new Map([
    ["security.capability", capability],
    ["user.bin", Uint8Array.of(0, 0xff, 0x0a, 0x3d, 0)],
    ["user.empty", new Uint8Array(0)],
    ["user.caf\xc3\xa9", Uint8Array.of(1)],
  ]);
  await using extracted = await gnuExtract(write({ entry: entry({ xattrs, mode: 0o755 }) }));
  const { stdout } = await run(["getfattr", "-d", "-m", "-", "-e", "hex", "file"], { cwd: extracted.folder });
  assert.match(stdout, /^security\.capability=0x0100000280200000000000000000000000000000$/m);
  assert.match(stdout, /^user\.bin=0x00ff0a3d00$/m);
  assert.match(stdout, /^user\.empty(=0x)?$/m);
  assert.match(stdout, /^user\.caf.*=0x01$/m);
  const { stdout: capabilities } = await run(["getcap", "file"], { cwd: extracted.folder });
  assert.match(capabilities, /cap_setuid|cap_net_raw/);
});

Deno.test("writer, writes sizes from 8 GiB on in a PAX header, which GNU tar and Python read", async () => {
  for (const size of [8 * 1024 ** 3 - 1, 8 * 1024 ** 3, 2 ** 53 - 1]) {
    const parts: Uint8Array[] = [];
    const writer = new TarWriter((chunk) => parts.push(chunk.slice()));
    writer.header(entry({ size }));
    // a large piece makes the writer hand out what it has gathered
    writer.body(new Uint8Array(65_536));
    const archive = forge.join(...parts);
    const { stdout } = await run(["tar", "-tvf", "-", "--numeric-owner"], { stdin: archive, accept: [2] });
    assert.match(stdout, new RegExp(`^-rw-r--r-- 0/0 +${size} `));
    const hasPax = archive[156] === "x".charCodeAt(0);
    assert.equal(hasPax, size >= 8 * 1024 ** 3);
  }
});

Deno.test("writer, makes an empty archive of 1,024 zero bytes with the well-known diff ID", () => {
  const archive = write();
  assert.deepEqual(archive, new Uint8Array(1024));
  assert.equal(
    createHash("sha256").update(archive).digest("hex"),
    "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef",
  );
});

Deno.test("writer, writes a PAX header only for what does not fit", () => {
  const plain: readonly Partial<TarEntry>[] = [
    { name: "caf\xe9" },
    { name: `${"p".repeat(155)}/${"n".repeat(100)}` },
    { name: `${"p".repeat(155)}/${"n".repeat(99)}`, type: "dir" },
    { uid: 2_097_151, gid: 2_097_151 },
    { mtimeNs: 0n },
    { mtimeNs: 8_589_934_591n * SECOND },
    { type: "symlink", linkName: "l".repeat(100) },
    { xattrs: new Map() },
  ];
  for (const fields of plain) {
    assert.equal(write({ entry: entry(fields) }).length, 512 + 1024, JSON.stringify(fields.name));
  }
  const one = write({ entry: entry({ mtimeNs: 1_500_000_000n }) });
  assert.equal(one.length, 3 * 512 + 1024);
  assert.equal(new TextDecoder().decode(one.subarray(512, 525)), "13 mtime=1.5\n");
});

Deno.test("writer, writes PAX records in the order of their keys, whatever order they came in", () => {
  const xattrs = (keys: readonly string[]): ReadonlyMap<string, Uint8Array> =>
    new Map(keys.map((key) => [key, new Uint8Array(1)]));
  const fields = { name: "\xff".repeat(300), uid: 3_000_000, gid: 3_000_000, mtimeNs: -1n };
  const archive = write({ entry: entry({ ...fields, xattrs: xattrs(["user.b", "user.a", "security.x"]) }) });
  const records = Array.from(archive.subarray(512, 1536), (byte) => String.fromCharCode(byte)).join("");
  assert.deepEqual(
    records.match(/(?<=^|\n)\d+ [^=]+(?==)/g)?.map((record) => record.replace(/^\d+ /, "")),
    [
      "SCHILY.xattr.security.x",
      "SCHILY.xattr.user.a",
      "SCHILY.xattr.user.b",
      "hdrcharset",
      "gid",
      "mtime",
      "path",
      "uid",
    ].sort(),
  );
  assert.deepEqual(
    archive,
    write({ entry: entry({ ...fields, xattrs: xattrs(["security.x", "user.a", "user.b"]) }) }),
  );
});

Deno.test("writer, counts the digits of a record's own length where that adds one", () => {
  for (let length = 80; length < 1100; length++) {
    const archive = write({
      entry: entry({ name: "n".repeat(length), type: "symlink", linkName: "l".repeat(length) }),
    });
    if (length <= 100) continue;
    const text = Array.from(archive.subarray(512, 512 + 2 * length + 30), (byte) => String.fromCharCode(byte)).join("");
    assert.ok(text.startsWith(forge.paxRecord("linkpath", "l".repeat(length))));
    assert.ok(text.includes(forge.paxRecord("path", "n".repeat(length)).slice(0, length)));
  }
});

Deno.test("writer, hides owners beyond the field from readers without PAX behind one that is not root", () => {
  const archive = write({ entry: entry({ uid: 3_000_000, gid: 3_000_000 }) });
  const header = archive.subarray(1024, 1536);
  assert.equal(new TextDecoder().decode(header.subarray(108, 124)), "7777777\x007777777\0");
});

Deno.test("writer, gives a directory its slash", () => {
  assert.deepEqual(
    write({ entry: entry({ name: "d", type: "dir" }) }),
    write({ entry: entry({ name: "d/", type: "dir" }) }),
  );
});

Deno.test("writer, passes large pieces of a body on without copying", () => {
  const seen: ArrayBufferLike[] = [];
  const writer = new TarWriter((chunk) => seen.push(chunk.buffer));
  const piece = new Uint8Array(100_000);
  writer.header(entry({ size: piece.length }));
  writer.body(piece);
  writer.finish();
  assert.ok(seen.includes(piece.buffer));
});

Deno.test("writer, refuses attributes that no reader takes back", () => {
  const attempt = (name: string, value: number): void =>
    new TarWriter(() => {}).header(entry({ xattrs: new Map([[name, new Uint8Array(value)]]) }));
  const refused = (message: RegExp): { name: string; kind: string; message: RegExp } => ({
    name: "KilnError",
    kind: "integrity",
    message,
  });
  assert.throws(
    () => attempt("user.a=b", 1),
    refused(/^Cannot write "file" to a tar archive: the name of its attribute "user.a=b" holds "=" or NUL$/),
  );
  assert.throws(() => attempt("user.a%3Db", 1), refused(/an escape that only GNU tar decodes$/));
  assert.throws(() => attempt("user.a", 65_537), refused(/its attribute "user.a" has 65537 bytes, more than 65536$/));
  const many = new Map(Array.from({ length: 17 }, (_, index) => [`user.${index}`, new Uint8Array(65_000)]));
  assert.throws(() => new TarWriter(() => {}).header(entry({ xattrs: many })), refused(/more than readers accept$/));
});

Deno.test("writer, throws plain errors when misused", () => {
  const writer = (): TarWriter => new TarWriter(() => {});
  const misuse = (use: (writer: TarWriter) => void, message: RegExp): void =>
    assert.throws(() => use(writer()), { name: "Error", message });
  misuse((tar) => {
    tar.header(entry({ size: 2 }));
    tar.body(new Uint8Array(3));
  }, /exceeds its size by 1$/);
  misuse((tar) => {
    tar.header(entry({ size: 2 }));
    tar.header(entry({}));
  }, /lacks 2 bytes$/);
  misuse((tar) => {
    tar.header(entry({ size: 2 }));
    tar.finish();
  }, /lacks 2 bytes$/);
  misuse((tar) => {
    tar.finish();
    tar.header(entry({}));
  }, /used after finish$/);
  misuse((tar) => tar.body(new Uint8Array(1)), /exceeds its size/);
  for (const name of ["", "a\0b", "caf\u00e9\u0301", "snow\u2603"]) {
    misuse((tar) => tar.header(entry({ name })), /Not a byte/);
  }
  misuse((tar) => tar.header(entry({ name: "a/" })), /ends in "\/"/);
  misuse((tar) => tar.header(entry({ type: "symlink" })), /has link target ""/);
  misuse((tar) => tar.header(entry({ linkName: "x" })), /has link target "x"/);
  misuse((tar) => tar.header(entry({ type: "dir", size: 1 })), /has size 1/);
  for (const size of [-1, 0.5, 2 ** 53, NaN]) misuse((tar) => tar.header(entry({ size })), /has size/);
  for (const uid of [-1, 2 ** 32 - 1, 1.5, NaN]) misuse((tar) => tar.header(entry({ uid })), /has number/);
  misuse((tar) => tar.header(entry({ mode: 0o100644 })), /has number/);
  misuse((tar) => tar.header(entry({ devMajor: 4096 })), /has number/);
});
