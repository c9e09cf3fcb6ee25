/**
 * @module
 */
import assert from "node:assert/strict";
import { CASES, findFaults } from "../../../scripts/check_cases.ts";

const FILES: Readonly<Record<string, string>> = {
  "tests/a_test.ts": '/**\n * S01 said of it\n */\nDeno.test("S01 dots", () => {});',
};
const options = { read: (path: string) => FILES[path], attacks: [] };
const right = CASES.map((id) => `| ${id} | x | Not built yet: y |`);

function faultsWith(row: string): readonly string[] {
  return findFaults(right.map((line) => line.startsWith(row.slice(0, 5)) ? row : line).join("\n"), options);
}

Deno.test("findFaults(), is content with tests that are there and with reasons", () => {
  assert.deepEqual(faultsWith('| S01 | x | `tests/a_test.ts` "S01 dots"; Not built yet: z |'), []);
  assert.equal(CASES.length, 121);
});

Deno.test("findFaults(), finds tests and files that are not there, rows without either, and files nobody names", () => {
  assert.match(
    faultsWith('| S01 | x | `tests/a_test.ts` "S01 dashes" |').join(),
    /S01 names "S01 dashes", which is not in/,
  );
  assert.match(
    faultsWith('| S01 | x | `tests/b_test.ts` "S01 dots" |').join(),
    /tests\/b_test.ts, which does not exist/,
  );
  assert.match(
    faultsWith('| S01 | x | `tests/a_test.ts` "S01 said" |').join(),
    /S01 names "S01 said", which is not in/,
  );
  assert.match(
    faultsWith('| S01 | x | `tests/a_test.ts` "Deno.test" |').join(),
    /S01 names "Deno.test", which could be any test/,
  );
  assert.match(faultsWith("| S01 | x | later |").join(), /S01 names no test and gives no reason/);
  assert.deepEqual(findFaults(right.slice(1).join("\n"), options), ["S01 has no row"]);
  assert.match(findFaults([...right, right[0]].join("\n"), options).join(), /S01 has two rows/);
  assert.deepEqual(findFaults(right.join("\n"), { ...options, attacks: ["tests/attacks/x_test.ts"] }), [
    "no row names tests/attacks/x_test.ts",
  ]);
});
