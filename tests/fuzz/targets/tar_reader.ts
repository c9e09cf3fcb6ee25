/**
 * The tar reader. Besides never failing in an unforeseen way, it must give the same entries however the bytes are cut.
 *
 * @module
 */
import assert from "node:assert/strict";
import { KilnError } from "../../../lib/errors.ts";
import { TarReader } from "../../../lib/tar/reader.ts";
import { END, header, join } from "../../support/tar_forge.ts";
import type { FuzzTarget } from "../target.ts";

function pad(text: string): string {
  return text + "\0".repeat((512 - text.length % 512) % 512);
}

function pax(records: string): Uint8Array {
  return join(header({ name: "PaxHeaders/x", typeFlag: "x", size: records.length }), pad(records));
}

/** The target. */
export const TAR_READER: FuzzTarget = {
  name: "tar_reader",
  seeds: [
    join(header({ name: "a", size: 5 }), pad("hello"), header({ name: "d/", typeFlag: "5" }), END),
    join(pax("20 path=some/longer/\n30 mtime=1700000000.123456789\n"), header({ name: "x", size: 1 }), pad("y"), END),
    join(header({ name: "././@LongLink", typeFlag: "L", size: 200 }), pad(`${"n".repeat(199)}\0`), header(), END),
    join(
      pax("22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n25 GNU.sparse.realsize=9\n"),
      header({ size: 512 }),
      pad("1\n0\n1\n"),
      END,
    ),
    join(
      header({ name: "l", typeFlag: "2", linkName: "../x" }),
      header({ name: "h", typeFlag: "1", linkName: "a" }),
      END,
    ),
    join(
      header({ name: "c", typeFlag: "3", devMajor: 1, devMinor: 3 }),
      header({ typeFlag: "S", size: 512 }),
      pad("s"),
      END,
    ),
    new Uint8Array(0),
  ],
  words: [
    "ustar\x0000",
    "ustar  \0",
    "path=",
    "linkpath=",
    "size=",
    "SCHILY.xattr.",
    "GNU.sparse.map=",
    "12 ",
    "\n",
    "\0\0\0",
  ],
  run(input): string {
    const events = read(input, input.length || 1);
    assert.deepEqual(read(input, 7), events);
    return events.map((event) => event.replaceAll(/"[^"]*"/g, "").slice(0, 100)).join(" ");
  },
};

function read(input: Uint8Array, pieceBytes: number): readonly string[] {
  const events: string[] = [];
  let bytes = 0;
  const reader = new TarReader({
    entry: (entry) => {
      bytes = 0;
      events.push(JSON.stringify(entry, (_, value) => typeof value === "bigint" ? `${value}n` : value));
    },
    data: (part) => void (bytes += part.length),
    hole: (length) => void (bytes += length),
    entryEnd: () => void events.push(String(bytes)),
  });
  try {
    for (let at = 0; at < input.length; at += pieceBytes) reader.push(input.subarray(at, at + pieceBytes));
    reader.end();
  } catch (error) {
    if (!(error instanceof KilnError)) throw error;
    events.push(error.message);
  }
  return events;
}
