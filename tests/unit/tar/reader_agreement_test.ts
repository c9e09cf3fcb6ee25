/**
 * The rule of pains-and-security.md S23 itself: whatever archive the reader accepts, GNU tar, bsdtar and Python see the
 * same names in it. Archives are put together from parts that readers are known to take differently.
 *
 * A longer run of the same with Go's archive/tar as the fourth found the rule about the end of sparse maps.
 *
 * @module
 */
import assert from "node:assert/strict";
import fc from "../../support/fast_check.ts";
import { KilnError } from "../../../lib/errors.ts";
import { prepared } from "../../support/environment/environment.ts";
import { bsdNames, gnuNames, pythonEntries } from "../../support/gnu_tar.ts";
import * as forge from "../../support/tar_forge.ts";
import { namesOf } from "./collect_entries.ts";

const { ustar, gnu, v7 } = forge.MAGIC;
const inner = forge.entry({ name: "inner" }, "smuggled");

/** A header whose fields are mostly right. */
const headers = fc.record({
  name: fc.constantFrom("a", "b", "dir/", "p/q"),
  typeFlag: fc.constantFrom("0", "0", "0", "\0", "1", "2", "5", "6", "7", "D", "V", "X", "N"),
  magic: fc.constantFrom(ustar, ustar, gnu, v7, "ustar 00"),
  prefix: fc.constantFrom("", "", "", "", "pre"),
  uid: fc.constantFrom<forge.ForgedNumber>(0, 0, 0, 5, "5 ", "\x005", "5 x", "        ", forge.base256(5n, 8)),
  linkName: fc.constantFrom("", "target"),
  checksum: fc.constantFrom(
    "unsigned" as const,
    "unsigned" as const,
    "unsigned" as const,
    "signed" as const,
    "wrong" as const,
  ),
  size: fc.constantFrom<forge.ForgedNumber | undefined>(undefined, undefined, undefined, 0, 512, "1000 ", "-1"),
  body: fc.constantFrom<Uint8Array | string>("", "", "x", "y".repeat(512), inner),
});

const paxes = fc.array(
  fc.constantFrom<readonly [string, string] | string>(
    ["path", "pax"],
    ["path", "pax/"],
    ["path", ""],
    ["size", "0"],
    ["size", "512"],
    ["size", "1024"],
    ["linkpath", "l"],
    ["uid", "7"],
    ["mtime", "1.5"],
    ["comment", "c"],
    ["hdrcharset", "BINARY"],
    ["SCHILY.realsize", "4"],
    ["GNU.sparse.name", "s"],
    "7 a=bc\n",
    "9 a=bc\n",
    " 8 a=bc\n",
    "x",
  ),
  { maxLength: 3 },
);

const parts = fc.oneof(
  {
    weight: 6,
    arbitrary: headers.map(({ size, body, ...rest }) =>
      forge.entry({ ...rest, ...size === undefined ? {} : { size } }, body)
    ),
  },
  { weight: 3, arbitrary: paxes.map((records) => forge.pax(records)) },
  { weight: 1, arbitrary: paxes.map((records) => forge.pax(records, { typeFlag: "g" })) },
  { weight: 1, arbitrary: fc.constantFrom("L" as const, "K" as const).map((flag) => forge.gnuLong(flag, "long")) },
  { weight: 1, arbitrary: fc.constant(new Uint8Array(512)) },
);

Deno.test("reader, accepts only archives in which GNU tar, bsdtar and Python see the same names", async () => {
  await prepared({ tools: ["bsdtar", "python3"] });
  const compared = { gnu: 0, bsd: 0, python: 0 };
  await fc.assert(
    fc.asyncProperty(fc.array(parts, { minLength: 1, maxLength: 4 }), async (list) => {
      const archive = forge.archive(forge.entry({ name: "first" }), ...list, forge.entry({ name: "last" }, "x"));
      const names = acceptedNames(archive);
      if (names === undefined) return;
      const [gnu, bsd, python] = await Promise.all([
        unlessRefused(gnuNames(archive)),
        unlessRefused(bsdNames(archive)),
        unlessRefused(pythonEntries(archive)),
      ]);
      for (const [oracle, found] of [["gnu", gnu], ["bsd", bsd]] as const) {
        if (found === undefined) continue;
        assert.deepEqual(found, names, oracle);
        compared[oracle]++;
      }
      if (python === undefined) return;
      // Python takes the slash off directories
      assert.deepEqual(python.map(({ name }) => name), names.map((name) => name.replace(/\/$/, "")), "python");
      compared.python++;
    }),
    { numRuns: 300 },
  );
  assert.ok(Math.min(...Object.values(compared)) > 5, `too few comparisons: ${JSON.stringify(compared)}`);
});

/** An oracle that fails has not been misled. */
async function unlessRefused<T>(listing: Promise<T>): Promise<T | undefined> {
  try {
    return await listing;
  } catch (error) {
    if (error instanceof Error && /: exit code [12]\n/.test(error.message)) return undefined;
    throw error;
  }
}

/** Returns the names, or undefined if the archive is refused. */
function acceptedNames(archive: Uint8Array): readonly string[] | undefined {
  try {
    return namesOf(archive);
  } catch (error) {
    assert.ok(error instanceof KilnError);
    return undefined;
  }
}
