/**
 * Archives that no tool writes, made to be read differently by different readers (pains-and-security.md S23), to
 * exhaust memory (S24), or to carry what a file system cannot hold (S11, S15, S22). All are refused with a reason.
 *
 * Each test names its guard in `lib/tar`; with the guard taken out, that test fails (tried one by one).
 *
 * @module
 */
import assert from "node:assert/strict";
import { TarReader } from "../../../lib/tar/reader.ts";
import * as forge from "../../support/tar_forge.ts";
import { assertRefused, namesOf, readAll } from "./collect_entries.ts";

const { gnu, v7 } = forge.MAGIC;
const inner = forge.join(forge.entry({ name: "smuggled" }, "inner"), forge.END);

Deno.test("S23 PAX size against header size (TARmageddon), is refused when they differ", () => {
  // guard: reader.ts #readSize. The inner archive is content for one reader and entries for another.
  assertRefused(
    forge.archive(forge.pax([["size", String(inner.length)]]), forge.header({ size: 0 }), inner),
    'Cannot read the archive entry "file" at byte 0: its header says it has 0 bytes, its extended header 2048',
  );
  assertRefused(
    forge.archive(forge.pax([["size", "0"]]), forge.header({ size: inner.length }), inner),
    /its header says it has 2048 bytes, its extended header 0/,
  );
  assert.deepEqual(
    namesOf(forge.archive(forge.pax([["size", "5"]]), forge.entry({ name: "same" }, "12345"))),
    ["same"],
  );
});

Deno.test("S23 extended header before a GNU long name, is refused in either order", () => {
  // guard: extensions.ts check(). node-tar applied the PAX size to the long name (CVE-2026-53655).
  for (const flag of ["L", "K"] as const) {
    const pax = forge.pax([["size", "1024"]]);
    const long = forge.gnuLong(flag, "long");
    assertRefused(forge.archive(pax, long, forge.entry()), /it has both an extended header and a GNU long name$/);
    assertRefused(forge.archive(long, pax, forge.entry()), /it has both an extended header and a GNU long name$/);
  }
});

Deno.test("S23 two extended headers in a row, are refused", () => {
  // guard: extensions.ts check(). Go takes the last, Python the union.
  assertRefused(
    forge.archive(forge.pax([["path", "one"]]), forge.pax([["uid", "0"]]), forge.entry()),
    'Cannot read the archive entry "one" at byte 0: it has two extended headers',
  );
});

Deno.test("S23 two GNU long names in a row, are refused", () => {
  // guard: extensions.ts check(). GNU tar takes the last, Python the first.
  for (const flag of ["L", "K"] as const) {
    assertRefused(
      forge.archive(forge.gnuLong(flag, "one"), forge.gnuLong(flag, "two"), forge.entry()),
      /it has two GNU long names$/,
    );
  }
});

Deno.test("S23 malformed PAX records, are refused and not skipped", () => {
  // guard: pax.ts recordEnd() and paxRecords(). astral-tokio-tar skipped them, so that the path behind was lost.
  const malformed: readonly (readonly [record: string, reason: RegExp])[] = [
    ["12 path=evil\n", /length of a record .* is wrong/],
    ["14 path=evil\n", /length of a record .* is wrong/],
    ["99999999999999999999 path=evil\n", /length of a record .* is wrong/],
    ["0 path=evil\n", /length of a record .* is wrong/],
    ["2 \n", /length of a record .* is wrong/],
    ["13\tpath=evil\n", /no valid length/],
    [" 13 path=evil\n", /no valid length/],
    ["+13 path=evil\n", /no valid length/],
    ["-13 path=evil\n", /no valid length/],
    ["0x0d path=evil\n", /no valid length/],
    ["path=evil\n", /no valid length/],
    ["13 path=evil\0", /length of a record .* is wrong/],
    ["12 pathevil\n", /no "="/],
    ["5 =a\n", /no valid key/],
    ["11 pa\0th=x\n", /no valid key/],
    ["\0\0\0\0", /no valid length/],
    ["13 path=evil\n\0", /no valid length/],
  ];
  for (const [record, reason] of malformed) {
    assertRefused(forge.archive(forge.pax([record]), forge.entry()), reason);
    assertRefused(forge.archive(forge.pax([record, ["path", "other"]]), forge.entry()), reason);
  }
});

Deno.test("S23 duplicate PAX keys, are refused", () => {
  // guard: pax.ts once() and addXattr()
  const twice: readonly (readonly [key: string, value: string])[] = [
    ["path", "a"],
    ["linkpath", "a"],
    ["size", "0"],
    ["uid", "1"],
    ["gid", "1"],
    ["mtime", "1"],
    ["hdrcharset", "BINARY"],
    ["SCHILY.xattr.user.a", "v"],
    ["GNU.sparse.name", "a"],
  ];
  for (const record of twice) {
    assertRefused(forge.archive(forge.pax([record, record]), forge.entry()), /sets .*"[^"]+" twice$/);
  }
  // what no one applies may be there twice
  assert.deepEqual(namesOf(forge.archive(forge.pax([["comment", "a"], ["comment", "b"]]), forge.entry())), ["file"]);
});

Deno.test("S23 empty PAX values, are refused where Go falls back to the header", () => {
  // guard: pax.ts once()
  for (const key of ["path", "linkpath", "size", "uid", "gid", "mtime", "hdrcharset"]) {
    assertRefused(
      forge.archive(forge.pax([[key, ""]]), forge.entry()),
      `Cannot read the archive at byte 0: its extended header sets "${key}" to nothing`,
    );
  }
});

Deno.test("S23 names in an encoding of their own, are refused", () => {
  // guard: pax.ts checkCharset(). Python decodes them, the others do not.
  for (const charset of ["ISO-IR 8859 1 1998", "utf-16", "binary"]) {
    assertRefused(
      forge.archive(forge.pax([["hdrcharset", charset], ["path", "caf\xe9"]]), forge.entry()),
      `Cannot read the archive at byte 0: the names in its extended header are in "${charset}", neither UTF-8 nor bytes`,
    );
  }
});

Deno.test("S23 PAX numbers in disguise, are refused", () => {
  // guard: pax.ts parseDecimal() and parsePaxTime()
  for (const key of ["size", "uid", "gid"]) {
    for (const value of [" 5", "5 ", "+5", "-5", "0x5", "5.0", "1e3", "9007199254740993", "9".repeat(30), "٥"]) {
      assertRefused(forge.archive(forge.pax([[key, value]]), forge.entry()), /is not a number up to 2\^53$/);
    }
  }
  for (const value of [".5", "1e5", "+1", " 1", "1.5x", "--1", "-", "1,5", "9".repeat(17)]) {
    assertRefused(forge.archive(forge.pax([["mtime", value]]), forge.entry()), /is not a number of seconds$/);
  }
});

Deno.test("S23 global headers that change entries, are refused", () => {
  // guard: pax.ts checkGlobalPax(). GNU tar and Python apply them to all that follows, Go and libarchive do not.
  const records: readonly (readonly [key: string, value: string])[] = [
    ["path", "evil"],
    ["linkpath", "evil"],
    ["size", "1024"],
    ["uid", "0"],
    ["gid", "0"],
    ["mtime", "1"],
    ["hdrcharset", "BINARY"],
    ["SCHILY.xattr.security.capability", "x"],
    ["GNU.sparse.size", "1024"],
    ["SCHILY.realsize", "1024"],
  ];
  for (const record of records) {
    assertRefused(
      forge.archive(forge.pax([record], { typeFlag: "g" }), forge.entry()),
      /a global header sets "[^"]+", which only some tar readers apply$/,
    );
  }
});

Deno.test("S23 global header between an extension and its entry, is refused", () => {
  // guard: extensions.ts check(). Go forgets the extension.
  const global = forge.pax([["comment", "c"]], { typeFlag: "g" });
  for (const extension of [forge.pax([["path", "evil"]]), forge.gnuLong("L", "evil"), forge.gnuLong("K", "evil")]) {
    assertRefused(forge.archive(extension, global, forge.entry()), /a global header stands between its headers$/);
  }
});

Deno.test("S23 PAX path and GNU long name for one entry, are refused", () => {
  // guard: extensions.ts check(). The path wins in GNU tar and loses in Go.
  assertRefused(
    forge.archive(forge.gnuLong("L", "long"), forge.pax([["path", "pax"]]), forge.entry()),
    /both an extended header and a GNU long name$/,
  );
});

Deno.test("S23 numbers that readers read differently, are refused", () => {
  // guard: header_block.ts readNumber() and readBase256()
  const numbers: readonly forge.ForgedNumber[] = [
    "\x000000017", // Go strips the NUL, Python stops there
    "17 junk", // GNU tar stops at the space, Go fails
    "0000018",
    "+000017",
    "-000017",
    "0x00017",
    "\t000017",
    "        ",
    "\0       ", // GNU tar skips one NUL and then finds it blank
    Uint8Array.of(0xc0, 0, 0, 0, 0, 0, 0, 5), // libarchive and Go read it as negative, Python and GNU tar not at all
    Uint8Array.of(0x80, 0x20, 0, 0, 0, 0, 0, 0),
  ];
  for (const uid of numbers) {
    const reason = /the user ID in its header is (not a number|blank|beyond 2\^53)$/;
    assertRefused(forge.archive(forge.entry({ uid })), reason);
    // also where PAX replaces it: Go and Python read it all the same
    assertRefused(forge.archive(forge.pax([["uid", "5"]]), forge.entry({ uid })), reason);
  }
  assertRefused(forge.archive(forge.entry({ uid: forge.base256(-1n, 8) })), /its user ID -1 is not one of/);
});

Deno.test("S23 negative size in base 256, is refused", () => {
  // guard: reader.ts #readSize and extensions.ts check()
  assertRefused(forge.archive(forge.entry({ size: forge.base256(-512n, 12) })), /its size is negative$/);
  assertRefused(
    forge.archive(forge.header({ typeFlag: "x", size: forge.base256(-512n, 12) }), forge.entry()),
    /extended header has -512 bytes/,
  );
});

Deno.test("S23 bad checksum, is refused", () => {
  // guard: header_block.ts verifyChecksum()
  assertRefused(
    forge.archive(forge.entry({ name: "ok" }), forge.entry({ name: "bad", checksum: "wrong" })),
    "Cannot read the archive at byte 512: the checksum of its header is wrong",
  );
});

Deno.test("S23 content of things that are not files, is refused", () => {
  // guard: reader.ts #readSize. GNU tar skips it, Go takes it for entries.
  for (const typeFlag of ["1", "2", "3", "4", "5", "6"]) {
    const name = typeFlag === "5" ? "d/" : "d";
    assertRefused(
      forge.archive(forge.header({ name, typeFlag, linkName: "l", size: inner.length }), inner),
      /it is not a file, but has 2048 bytes of content$/,
    );
  }
});

Deno.test("S23 names with a slash at the end, are refused for all but directories", () => {
  // guard: header.ts entryType(). GNU tar and libarchive make type 0 a directory, Go and Python do not.
  for (const typeFlag of ["0", "1", "2", "3", "6", "7"]) {
    const archive = forge.archive(forge.entry({ name: "x/", typeFlag, linkName: "l" }));
    assertRefused(archive, /its name ends in "\/", but it is not a directory$/);
  }
  // Python looks at the header only, the others at the final name
  const headerOnly = forge.entry({ name: "x/", typeFlag: "\0" });
  assertRefused(forge.archive(forge.pax([["path", "y"]]), headerOnly), /only one of its names ends in "\/"$/);
  const finalOnly = forge.entry({ name: "x", typeFlag: "\0" });
  assertRefused(forge.archive(forge.gnuLong("L", "y/"), finalOnly), /not a directory$/);
});

Deno.test("S23 prefix in formats without one, is refused", () => {
  // guard: header.ts name(). Python adds it to the name.
  assertRefused(forge.archive(forge.entry({ magic: v7, prefix: "evil" })), /oldest format, but has a prefix/);
  assertRefused(forge.archive(forge.entry({ magic: gnu, prefix: "14371234567" })), /holds access times/);
});

Deno.test("S23 prefix that star cuts at 131 bytes, is refused", () => {
  // guard: header.ts name()
  const star = forge.entry({
    prefix: "p".repeat(140),
    patch: (block) => block.set([0x74, 0x61, 0x72, 0], 508),
  });
  assertRefused(forge.archive(star), /a prefix that star and other tar readers cut at different places$/);
});

Deno.test("S23 unknown formats and types, are refused by name", () => {
  // guard: header.ts headerFormat() and #flagType()
  assertRefused(forge.archive(forge.entry({ magic: "ustar1  " })), /names a format that is neither ustar nor GNU$/);
  assertRefused(
    forge.archive(forge.entry({ typeFlag: "D" })),
    /its type "D" is a directory of an incremental GNU dump$/,
  );
  assertRefused(forge.archive(forge.entry({ typeFlag: "V" })), /its type "V" is a volume label$/);
  assertRefused(forge.archive(forge.entry({ typeFlag: "X" })), /an extended header as Solaris writes it$/);
  assertRefused(forge.archive(forge.entry({ typeFlag: "\x01" })), /its type 0x01 is unknown$/);
  assertRefused(forge.archive(forge.pax([["GNU.dumpdir", "Yfile\0"]]), forge.entry()), /"GNU.dumpdir", which only GNU/);
});

Deno.test("S23 device numbers that stop Python, are refused on any entry", () => {
  // guard: header.ts checkUnusedFields(). Python takes the entry for the end of the archive.
  assertRefused(forge.archive(forge.entry({ devMajor: "junk" })), /device major number in its header is not a number$/);
  assertRefused(forge.archive(forge.entry({ devMinor: "9" })), /device minor number in its header is not a number$/);
  assert.deepEqual(namesOf(forge.archive(forge.entry({ devMajor: "        ", devMinor: "       \0" }))), ["file"]);
});

Deno.test("S23 one block of zeros between entries, is refused", () => {
  // guard: reader.ts #readHeader. GNU tar and Python stop there, libarchive goes on.
  assertRefused(
    forge.archive(forge.entry({ name: "a" }), new Uint8Array(512), forge.entry({ name: "hidden" })),
    "Cannot read the archive at byte 1024: one block of zeros is followed by another header",
  );
});

Deno.test("S23 extension without an entry, is refused", () => {
  // guard: reader.ts end()
  for (const extension of [forge.pax([["path", "evil"]]), forge.gnuLong("L", "evil"), forge.gnuLong("K", "evil")]) {
    assertRefused(forge.archive(extension), /no entry follows its extended header$/);
    assertRefused(extension, /no entry follows its extended header$/);
  }
});

Deno.test("S23 truncated archives, are refused wherever they are cut", () => {
  // guard: reader.ts end()
  const archive = forge.join(
    forge.pax([["path", "named"]]),
    forge.entry({}, "x".repeat(700)),
    forge.gnuLong("L", "long"),
    forge.entry({}, "y"),
  );
  const boundaries = new Set([0, 1024 + 512 + 1024]);
  for (let length = 1; length < archive.length; length++) {
    if (boundaries.has(length)) continue;
    assertRefused(archive.slice(0, length), /(it is truncated|no entry follows its extended header)$/);
  }
});

Deno.test("S24 extended headers of 4 GiB and of 1 MiB and a byte, are refused before they are read", () => {
  // guard: extensions.ts check() (CVE-2022-2879)
  for (const typeFlag of ["x", "g", "L", "K"]) {
    assertRefused(
      forge.header({ typeFlag, size: 2 ** 32 }),
      "Cannot read the archive at byte 0: its extended header has 4294967296 bytes, more than 1048576",
    );
    assertRefused(forge.header({ typeFlag, size: 2 ** 20 + 1 }), /more than 1048576$/);
  }
});

Deno.test("S24 names beyond the limit, are refused", () => {
  // guard: pax.ts parseName() and extensions.ts #longText
  const name = "n".repeat(65_537);
  assertRefused(
    forge.archive(forge.pax([["path", name]]), forge.entry()),
    /its path has 65537 bytes, more than 65536$/,
  );
  assertRefused(forge.archive(forge.gnuLong("L", name), forge.entry()), /its name has 65537 bytes, more than 65536$/);
  assertRefused(forge.archive(forge.gnuLong("K", name), forge.entry()), /its link target has 65537 bytes/);
});

Deno.test("S24 more entries than allowed, are refused", () => {
  // guard: reader.ts #beginEntry
  const archive = forge.archive(forge.entry({ name: "1" }), forge.entry({ name: "2" }), forge.entry({ name: "3" }));
  assertRefused(archive, 'Cannot read the archive entry "3" at byte 1024: the archive has more than 2 entries', {
    limits: { maxEntries: 2 },
  });
  assert.equal(readAll(archive, { limits: { maxEntries: 3 } }).length, 3);
});

Deno.test("S22 attributes beyond what the kernel holds, are refused", () => {
  // guard: pax.ts addXattr() and checkXattrName()
  const withXattr = (name: string, value: string): Uint8Array =>
    forge.archive(forge.pax([[`SCHILY.xattr.${name}`, value]]), forge.entry());
  assertRefused(withXattr("user.big", "v".repeat(65_537)), /attribute "user.big" has 65537 bytes, more than 65536$/);
  assert.equal(readAll(withXattr("user.big", "v".repeat(65_536))).length, 1);
  assertRefused(withXattr("user." + "n".repeat(251), "v"), /an attribute name has 256 bytes, not 1 to 255$/);
  assertRefused(withXattr("", "v"), /an attribute name has 0 bytes, not 1 to 255$/);
  assertRefused(withXattr("user.a%3Db", "v"), /holds an escape that only GNU tar decodes$/);
  assertRefused(withXattr("user.a\0b", "v"), /no valid key$/);
  const many = Array.from({ length: 1025 }, (_, index) => [`SCHILY.xattr.user.${index}`, "v"] as const);
  assertRefused(forge.archive(forge.pax(many), forge.entry()), /it has more than 1024 extended attributes$/);
  assert.equal(readAll(forge.archive(forge.pax(many.slice(1)), forge.entry())).length, 1);
});

Deno.test("S11 names that are none, are refused", () => {
  // guard: reader.ts #beginEntry, pax.ts parseName(), extensions.ts #longText
  assertRefused(forge.archive(forge.entry({ name: "" })), 'Cannot read the archive entry "" at byte 0: it has no name');
  assertRefused(forge.archive(forge.gnuLong("L", ""), forge.entry()), /its GNU long name is empty$/);
  assertRefused(forge.archive(forge.pax([["path", "a\0b"]]), forge.entry()), /its path holds a NUL byte$/);
});

Deno.test("S11 links without a target, are refused", () => {
  // guard: reader.ts #readEntry
  for (const typeFlag of ["1", "2"]) {
    assertRefused(forge.archive(forge.entry({ typeFlag })), /it is a link without a target$/);
  }
});

Deno.test("S11 escape codes in a name, do not reach the message", () => {
  // guard: reader.ts #explain
  assertRefused(
    forge.archive(forge.entry({ name: "a\x1b[2J\n\xff", typeFlag: "Z" })),
    'Cannot read the archive entry "a\\x1b[2J\\x0a\\xff" at byte 0: its type "Z" is unknown',
  );
});

Deno.test("S15 device numbers and owners that Linux does not have, are refused", () => {
  // guard: reader.ts inRange()
  const device = (devMajor: forge.ForgedNumber, devMinor: forge.ForgedNumber): Uint8Array =>
    forge.archive(forge.entry({ typeFlag: "3", devMajor, devMinor }));
  assertRefused(device(4096, 0), /its device major number 4096 is not one of 0 to 4095$/);
  assertRefused(device(0, 2 ** 20), /its device minor number 1048576 is not one of 0 to 1048575$/);
  assertRefused(device(forge.base256(2n ** 32n, 8), 0), /device major number 4294967296/);
  assertRefused(device(0, forge.base256(-1n, 8)), /device minor number -1/);
  assertRefused(device("        ", 0), /device major number in its header is blank$/);
  assertRefused(forge.archive(forge.pax([["uid", "4294967295"]]), forge.entry()), /its user ID 4294967295 is not one/);
  assertRefused(forge.archive(forge.pax([["gid", "4294967295"]]), forge.entry()), /its group ID 4294967295 is not one/);
  assertRefused(forge.archive(forge.entry({ typeFlag: "3", magic: v7 })), /a format without device numbers$/);
});

Deno.test("S24 endless extensions, take no memory and end quickly", () => {
  // 64 MiB of headers with 1 MiB each; nothing of them may be kept
  const nothing = (): void => undefined;
  const reader = new TarReader({ entry: nothing, data: nothing, entryEnd: nothing });
  const global = forge.pax([["comment", "c".repeat(2 ** 20 - 20)]], { typeFlag: "g" });
  const before = memoryOf();
  for (let count = 0; count < 64; count++) {
    for (let at = 0; at < global.length; at += 65_536) reader.push(global.subarray(at, at + 65_536));
  }
  reader.push(forge.END);
  reader.end();
  const grown = memoryOf() - before;
  assert.ok(grown < 48 * 2 ** 20, `memory grew by ${grown} bytes`);
});

/** Bytes held by this test's isolate; the process has others. */
function memoryOf(): number {
  const { heapUsed, external } = Deno.memoryUsage();
  return heapUsed + external;
}
