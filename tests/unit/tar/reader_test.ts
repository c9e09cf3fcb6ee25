/**
 * What the reader makes of well-formed archives of all formats; the oracle is GNU tar, which writes them.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { TarEntry } from "../../../lib/tar/entry.ts";
import { TarReader } from "../../../lib/tar/reader.ts";
import { run } from "../../support/environment/command.ts";
import { prepared } from "../../support/environment/environment.ts";
import { gnuCreate } from "../../support/gnu_tar.ts";
import * as forge from "../../support/tar_forge.ts";
import { namesOf, readAll } from "./collect_entries.ts";

const bytes = (text: string): Uint8Array => Uint8Array.from(text, (char) => char.charCodeAt(0));
const text = (content: Uint8Array): string => Array.from(content, (byte) => String.fromCharCode(byte)).join("");

/** The byte string of UTF-8 text. */
const utf8 = (shown: string): string => text(new TextEncoder().encode(shown));

/** Returns the only entry of an archive. */
function only(archive: Uint8Array): TarEntry {
  const [first, ...more] = readAll(archive);
  assert.equal(more.length, 0);
  assert.ok(first !== undefined);
  return first.entry;
}

Deno.test("reader, reads every field of a ustar header", () => {
  const archive = forge.archive(
    forge.entry({ name: "a/b", mode: 0o6755, uid: 1000, gid: 2097151, mtime: 1_700_000_000 }, "content"),
  );
  const [read] = readAll(archive);
  assert.deepEqual(read?.entry, {
    name: "a/b",
    type: "file",
    mode: 0o6755,
    uid: 1000,
    gid: 2097151,
    size: 7,
    mtimeNs: 1_700_000_000_000_000_000n,
    linkName: "",
    devMajor: 0,
    devMinor: 0,
  });
  assert.equal(text(read.content), "content");
});

Deno.test("reader, tells all types of entries apart", () => {
  const archive = forge.archive(
    forge.entry({ name: "old", typeFlag: "\0" }),
    forge.entry({ name: "file", typeFlag: "0" }),
    forge.entry({ name: "hard", typeFlag: "1", linkName: "file" }),
    forge.entry({ name: "soft", typeFlag: "2", linkName: "../file" }),
    forge.entry({ name: "char", typeFlag: "3", devMajor: 4095, devMinor: 1048575 }),
    forge.entry({ name: "block", typeFlag: "4", devMajor: 8, devMinor: 1 }),
    forge.entry({ name: "dir/", typeFlag: "5" }),
    forge.entry({ name: "fifo", typeFlag: "6" }),
    forge.entry({ name: "contiguous", typeFlag: "7" }, "data"),
  );
  const found = readAll(archive).map(({ entry }) =>
    [entry.name, entry.type, entry.linkName, entry.devMajor, entry.devMinor].join(" ")
  );
  assert.deepEqual(found, [
    "old file  0 0",
    "file file  0 0",
    "hard hardlink file 0 0",
    "soft symlink ../file 0 0",
    "char char  4095 1048575",
    "block block  8 1",
    "dir/ dir  0 0",
    "fifo fifo  0 0",
    "contiguous file  0 0",
  ]);
});

Deno.test("reader, takes a v7 name with a trailing slash for a directory", () => {
  const entry = only(forge.archive(forge.entry({ name: "dir/", typeFlag: "\0", magic: forge.MAGIC.v7 })));
  assert.equal(entry.type, "dir");
});

Deno.test("reader, joins prefix and name of ustar, also where both are full", () => {
  const prefix = "p".repeat(155);
  const name = "n".repeat(100);
  assert.deepEqual(namesOf(forge.archive(forge.entry({ prefix, name }))), [`${prefix}/${name}`]);
});

Deno.test("reader, takes GNU long names and link targets in either order", () => {
  const name = "n/".repeat(2000) + "x";
  const link = "l".repeat(4000);
  for (const longs of [["L", "K"], ["K", "L"]] as const) {
    const entry = only(forge.archive(
      ...longs.map((flag) => forge.gnuLong(flag, flag === "L" ? name : link)),
      forge.entry({ name: name.slice(0, 100), typeFlag: "2", linkName: link.slice(0, 100), magic: forge.MAGIC.gnu }),
    ));
    assert.equal(entry.name, name);
    assert.equal(entry.linkName, link);
  }
});

Deno.test("reader, lets a long link target pass that is not needed", () => {
  const entry = only(forge.archive(forge.gnuLong("K", "unused"), forge.entry({ name: "f" })));
  assert.equal(entry.linkName, "");
});

Deno.test("reader, applies PAX records", () => {
  const entry = only(forge.archive(
    forge.pax([
      ["path", "pax/name"],
      ["linkpath", "pax/target"],
      ["uid", "3000000"],
      ["gid", "4294967294"],
      ["mtime", "1700000000.123456789"],
      ["atime", "1.5"],
      ["ctime", "1.5"],
      ["comment", "nothing"],
      ["SCHILY.fflags", "nodump"],
      ["LIBARCHIVE.xattr.user.a", "AAAA"],
      ["SCHILY.xattr.user.a", "v"],
    ]),
    forge.entry({ name: "x", typeFlag: "2", linkName: "y" }),
  ));
  assert.equal(entry.name, "pax/name");
  assert.equal(entry.linkName, "pax/target");
  assert.equal(entry.uid, 3_000_000);
  assert.equal(entry.gid, 4_294_967_294);
  assert.equal(entry.mtimeNs, 1_700_000_000_123_456_789n);
  assert.deepEqual([...entry.xattrs ?? []], [["user.a", bytes("v")]]);
});

Deno.test("reader, forgets PAX records after their entry", () => {
  const archive = forge.archive(forge.pax([["path", "one"], ["uid", "7"]]), forge.entry({ name: "x" }), forge.entry());
  assert.deepEqual(readAll(archive).map(({ entry }) => [entry.name, entry.uid]), [["one", 7], ["file", 0]]);
});

Deno.test("reader, reads times of PAX to the nanosecond, negative ones and cut ones", () => {
  const cases: readonly (readonly [string, bigint])[] = [
    ["0", 0n],
    ["1.5", 1_500_000_000n],
    ["-1.5", -1_500_000_000n],
    ["-0.000000001", -1n],
    ["-62135596800", -62_135_596_800_000_000_000n],
    ["1.1234567891", 1_123_456_789n],
    ["99999999999.000000001", 99_999_999_999_000_000_001n],
    ["3.", 3_000_000_000n],
  ];
  for (const [written, expected] of cases) {
    const archive = forge.archive(forge.pax([["mtime", written]]), forge.entry());
    assert.equal(only(archive).mtimeNs, expected, written);
  }
});

Deno.test("reader, reads numbers in base 256, negative times included", () => {
  const entry = only(forge.archive(forge.entry({
    uid: forge.base256(4_294_967_294n, 8),
    gid: forge.base256(2_097_152n, 8),
    mtime: forge.base256(-1n, 12),
    magic: forge.MAGIC.gnu,
  })));
  assert.equal(entry.uid, 4_294_967_294);
  assert.equal(entry.gid, 2_097_152);
  assert.equal(entry.mtimeNs, -1_000_000_000n);
});

Deno.test("reader, reads numbers as old and foreign tars wrote them", () => {
  for (const uid of ["     17 ", "17", "0000017 ", "0000017\0", "00000017", "  17 \0  ", "17\0junk"]) {
    assert.equal(only(forge.archive(forge.entry({ uid }))).uid, 0o17, JSON.stringify(uid));
  }
  assert.equal(only(forge.archive(forge.entry({ uid: "" }))).uid, 0);
});

Deno.test("reader, accepts a checksum of signed bytes", () => {
  assert.deepEqual(namesOf(forge.archive(forge.entry({ name: "caf\xe9", checksum: "signed" }))), ["caf\xe9"]);
});

Deno.test("reader, keeps names as bytes", () => {
  const names = [
    "caf\xe9",
    utf8("café"),
    utf8("cafe\u0301"),
    "a\nb",
    "esc\x1b[31m",
    "back\\slash",
    "C:\\x",
    "\xff\xfe",
  ];
  for (const name of names) {
    assert.deepEqual(namesOf(forge.archive(forge.entry({ name }))), [name]);
    assert.deepEqual(namesOf(forge.archive(forge.pax([["path", name]]), forge.entry())), [name]);
    assert.deepEqual(namesOf(forge.archive(forge.gnuLong("L", name), forge.entry())), [name]);
  }
});

Deno.test("reader, takes names that PAX says are binary or UTF-8", () => {
  for (const charset of ["BINARY", "ISO-IR 10646 2000 UTF-8"]) {
    const archive = forge.archive(forge.pax([["hdrcharset", charset], ["path", "caf\xe9"]]), forge.entry());
    assert.deepEqual(namesOf(archive), ["caf\xe9"]);
  }
});

Deno.test("reader, keeps attributes as bytes: NULs, newlines, equals signs, none at all", () => {
  const value = "\x01\0\0\x02\0\xff\0\0\n=\0";
  const entry = only(forge.archive(
    forge.pax([["SCHILY.xattr.security.capability", value], ["SCHILY.xattr.user.empty", ""]]),
    forge.entry(),
  ));
  assert.deepEqual([...entry.xattrs ?? []], [
    ["security.capability", bytes(value)],
    ["user.empty", new Uint8Array(0)],
  ]);
});

Deno.test("reader, takes the size of 8 GiB and more from PAX", () => {
  const size = 9 * 1024 ** 3;
  for (const inHeader of [0, forge.base256(BigInt(size), 12), "77777777777\0"]) {
    const archive = forge.join(forge.pax([["size", String(size)]]), forge.header({ size: inHeader }));
    // the content is missing, which shows how much was expected
    assert.throws(() => readAll(archive), {
      message: 'Cannot read the archive entry "file" at byte 0: it is truncated',
    });
  }
});

Deno.test("reader, accepts global headers that change nothing", () => {
  const archive = forge.archive(
    forge.pax([["comment", "07340fd839c87161b74687a011e509549f9bcb67"]], { typeFlag: "g", name: "pax_global_header" }),
    forge.entry({ name: "a" }),
  );
  assert.deepEqual(namesOf(archive), ["a"]);
});

Deno.test("reader, accepts one block of zeros at the end, and none", () => {
  const entry = forge.entry({ name: "a" }, "x");
  assert.deepEqual(namesOf(forge.join(entry, new Uint8Array(512))), ["a"]);
  assert.deepEqual(namesOf(entry), ["a"]);
});

Deno.test("reader, ignores what follows the end marker", () => {
  const archive = forge.join(forge.archive(forge.entry({ name: "a" })), forge.entry({ name: "hidden" }), "garbage");
  assert.deepEqual(namesOf(archive), ["a"]);
});

Deno.test("reader, reads an empty archive", () => {
  assert.deepEqual(namesOf(forge.END), []);
  assert.deepEqual(namesOf(new Uint8Array(10_240)), []);
});

Deno.test("reader, says nothing more after it failed", async (t) => {
  const seen: string[] = [];
  const handler = {
    entry: (entry: TarEntry): unknown => seen.push(entry.name),
    data: (): void => undefined,
    entryEnd: (): void => undefined,
  };
  await t.step("on a malformed archive", () => {
    const reader = new TarReader(handler);
    assert.throws(() => reader.push(forge.header({ checksum: "wrong" })), { name: "KilnError" });
    assert.throws(() => reader.push(forge.header()), /used after it failed/);
    assert.throws(() => reader.end(), /used after it failed/);
  });
  await t.step("on an error of the handler, which passes unchanged", () => {
    const failure = new RangeError("disk full");
    const reader = new TarReader({
      ...handler,
      entry(): never {
        throw failure;
      },
    });
    assert.throws(() => reader.push(forge.header()), failure);
    assert.throws(() => reader.end(), /used after it failed/);
  });
  assert.deepEqual(seen, []);
});

for (const format of ["v7", "oldgnu", "gnu", "ustar", "pax"]) {
  Deno.test(`reader, reads what GNU tar writes in format ${format}`, { ignore: Deno.uid() !== 0 }, async () => {
    const folder = await Deno.makeTempDir();
    try {
      await plantTree(folder, format);
      const archive = await gnuCreate(folder, [`--format=${format}`, ...format === "pax" ? ["--xattrs"] : []]);
      const found = readAll(archive, { pieces: [10_240] }).map(({ entry, content }) =>
        `${entry.type} ${entry.name} ${entry.mode.toString(8)} ${entry.uid}:${entry.gid} ${entry.mtimeNs} ` +
        `${entry.linkName} ${entry.devMajor},${entry.devMinor} ${content.length} ` +
        [...entry.xattrs ?? []].map(([key, value]) => `${key}=${text(value)}`).join()
      );
      assert.deepEqual(found, expectedTree(format));
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}

/** Makes one entry of every kind that the format can hold. GNU tar writes no attributes for hard links. */
async function plantTree(folder: string, format: string): Promise<void> {
  await prepared({ tools: ["getfattr"] });
  const script = [
    "set -e; umask 022",
    "printf content > a-file; chown 1:2 a-file; chmod 4751 a-file",
    "ln a-file b-hard; ln -s a-file c-soft; mkdir -m 1777 d-dir",
    "printf x > $'e-caf\\xe9\\n'",
    "touch f-empty",
    ...format === "v7" ? [] : ["mknod g-null c 1 3; mknod h-disk b 8 1; mkfifo -m 600 i-fifo"],
    ...format === "v7" || format === "ustar" ? [] : ["chown 3000000:4000000 f-empty", "touch -d @-1 f-empty"],
    ...format === "pax" ? ["setfattr -n user.bin -v 0x00ff3d0a a-file"] : [],
    ...format === "v7" ? [] : [`mkdir j; touch j/${"n".repeat(99)}`],
    "find . -mindepth 1 ! -name a-file ! -name f-empty -exec touch -h -d @1000000000 {} +",
    `touch -d @${format === "pax" ? "1.123456789" : "1000000000"} a-file`,
    ...format === "v7" || format === "ustar" ? ["touch -d @1000000000 f-empty"] : [],
  ];
  await run(["bash", "-c", script.join("\n")], { cwd: folder });
}

function expectedTree(format: string): readonly string[] {
  const old = format === "v7" || format === "ustar";
  const time = "1000000000000000000";
  const first = format === "pax" ? "1123456789" : time;
  return [
    `file a-file 4751 1:2 ${first}  0,0 7 ${format === "pax" ? "user.bin=\0\xff=\n" : ""}`,
    `hardlink b-hard 4751 1:2 ${first} a-file 0,0 0 `,
    `symlink c-soft 777 0:0 ${time} a-file 0,0 0 `,
    `dir d-dir/ 1777 0:0 ${time}  0,0 0 `,
    `file e-caf\xe9\n 644 0:0 ${time}  0,0 1 `,
    `file f-empty 644 ${old ? "0:0" : "3000000:4000000"} ${old ? time : "-1000000000"}  0,0 0 `,
    ...format === "v7" ? [] : [
      `char g-null 644 0:0 ${time}  1,3 0 `,
      `block h-disk 644 0:0 ${time}  8,1 0 `,
      `fifo i-fifo 600 0:0 ${time}  0,0 0 `,
      `dir j/ 755 0:0 ${time}  0,0 0 `,
      `file j/${"n".repeat(99)} 644 0:0 ${time}  0,0 0 `,
    ],
  ];
}
