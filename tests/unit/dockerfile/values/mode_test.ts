import assert from "node:assert/strict";
import fc from "../../../support/fast_check.ts";
import { parseMode } from "../../../../lib/dockerfile/values/mode.ts";
import { type Row, testRows } from "../../../support/rows.ts";

/** The change, and the mode before as octal digits, with a d in front for a directory. */
const CHANGES: readonly Row<readonly [change: string, before: string], string>[] = [
  ["3.3/14", "octal", ["755", "600"], "755"],
  ["3.3/14", "octal with a zero in front", ["0644", "777"], "644"],
  ["3.3/14", "octal with set-id and sticky bits", ["7777", "0"], "7777"],
  ["3.3/14", "octal clears set-id bits", ["755", "4755"], "755"],
  ["3.3/14", "one octal digit", ["0", "777"], "0"],
  ["3.3/14", "many zeros", ["0000755", "0"], "755"],
  ["3.3/14", "add for the user", ["u+x", "644"], "744"],
  ["3.3/14", "add for the group", ["g+w", "644"], "664"],
  ["3.3/14", "add for others", ["o+r", "640"], "644"],
  ["3.3/14", "add for all", ["a+x", "644"], "755"],
  ["3.3/14", "no class means all, there is no umask", ["+w", "444"], "666"],
  ["3.3/14", "remove", ["go-w", "666"], "644"],
  ["3.3/14", "remove all", ["a-rwx", "777"], "0"],
  ["3.3/14", "assign", ["u=rw", "777"], "677"],
  ["3.3/14", "assign nothing", ["go=", "777"], "700"],
  ["3.3/14", "assign to all", ["a=r", "777"], "444"],
  ["3.3/14", "assign without class", ["=rw", "4711"], "666"],
  ["3.3/14", "assignment to the user clears set-user-id", ["u=rwx", "4755"], "755"],
  ["3.3/14", "assignment keeps the sticky bit", ["a=rx", "1777"], "1555"],
  ["3.3/14", "several clauses", ["u=rwx,go=rx", "0"], "755"],
  ["3.3/14", "several actions in a clause", ["u+x-w", "644"], "544"],
  ["3.3/14", "several classes", ["ug+w", "444"], "664"],
  ["3.3/14", "X on a plain file does nothing", ["a+X", "644"], "644"],
  ["3.3/14", "X on a file someone may execute", ["a+X", "744"], "755"],
  ["3.3/14", "X on a directory", ["a+X", "d644"], "755"],
  ["3.3/14", "assignment with X on a file", ["u=rwX,go=rX", "600"], "644"],
  ["3.3/14", "assignment with X on a program", ["u=rwX,go=rX", "700"], "755"],
  ["3.3/14", "assignment with X on a directory", ["u=rwX,go=rX", "d700"], "755"],
  ["3.3/14", "X looks at the mode before the change", ["u+x,g+X", "644"], "744"],
  ["3.3/14", "X removed is x", ["a-X", "755"], "644"],
  ["3.3/14", "set-user-id", ["u+s", "755"], "4755"],
  ["3.3/14", "set-group-id", ["g+s", "755"], "2755"],
  ["3.3/14", "set both", ["+s", "755"], "6755"],
  ["3.3/14", "remove set-id bits", ["ug-s", "6755"], "755"],
  ["3.3/14", "set-id for others does nothing", ["o+s", "755"], "755"],
  ["3.3/14", "sticky", ["+t", "d777"], "1777"],
  ["3.3/14", "sticky for all", ["a+t", "d777"], "1777"],
  ["3.3/14", "sticky for others does nothing", ["o+t", "d777"], "777"],
  ["3.3/14", "remove sticky", ["-t", "d1777"], "777"],
  ["3.3/14", "copy the user's bits", ["g=u", "740"], "770"],
  ["3.3/14", "copy the group's bits", ["o=g", "750"], "755"],
  ["3.3/14", "add the user's bits", ["o+u", "701"], "707"],
  ["3.3/14", "remove the group's bits", ["u-g", "750"], "250"],
  ["3.3/14", "copy to all", ["a=u", "700"], "777"],
  ["3.3/14", "copy sees earlier clauses", ["u=rw,g=u", "777"], "667"],
];

testRows("parseMode()", CHANGES, ([change, before]) => {
  const isDirectory = before.startsWith("d");
  return parseMode(change).apply(Number.parseInt(before.replace("d", ""), 8), isDirectory).toString(8);
});

const FAULTS: readonly Row<string, unknown>[] = [
  ["3.3/14", "a digit that is not octal", "888", /"888": it is not an octal number from 0 to 07777/],
  ["3.3/14", "too large", "17777", /not an octal number/],
  ["3.3/14", "an octal prefix", "0o755", /not an octal number/],
  ["3.3/14", "digits and letters", "7x", /not an octal number/],
  ["3.3/14", "no operator", "u", /it ends where an operator is missing \(write an octal mode/],
  ["3.3/14", "an unknown class", "x+r", /"x" is not an operator/],
  ["3.3/14", "an unknown permission", "u+z", /"z" is not an operator/],
  ["3.3/14", "an empty clause", "u+r,", /operator is missing/],
  ["3.3/14", "a blank", "u+r, g+r", /" " is not an operator/],
  ["3.3/14", "nothing", "", /operator is missing/],
  ["3.3/14", "a sign", "-755", /"7" is not an operator/],
];

testRows("parseMode()", FAULTS, (text) => parseMode(text).octal);

Deno.test("parseMode() [3.3/14] tells octal modes from changes", () => {
  assert.deepEqual([parseMode("0750").octal, parseMode("u+x").octal], [0o750, undefined]);
});

Deno.test("parseMode() [3.3/14] gives permission bits back on any change", () => {
  const clause = fc.stringMatching(/^[ugoa]{0,3}[-+=][rwxXstugo]{0,4}$/);
  const modes = fc.integer({ min: 0, max: 0o7777 });
  fc.assert(fc.property(fc.array(clause, { minLength: 1, maxLength: 4 }), modes, (clauses, before) => {
    const after = parseMode(clauses.join(",")).apply(before, false);
    assert.ok(Number.isInteger(after) && after >= 0 && after <= 0o7777);
  }));
});

Deno.test("parseMode() [3.3/14] writes every mode symbolically", () => {
  for (let mode = 0; mode <= 0o777; mode++) {
    const letters = (shift: number): string => ["r", "w", "x"].filter((_, at) => (mode >> shift) & (4 >> at)).join("");
    const change = `u=${letters(6)},g=${letters(3)},o=${letters(0)}`;
    assert.equal(parseMode(change).apply(0o777 ^ mode, false), mode);
  }
});
