import assert from "node:assert/strict";
import { isActive, parseCheckOptions, withComments } from "../../../lib/checks/check_options.ts";
import { faultOf, type Row, testRows } from "../../support/rows.ts";

interface Options {
  readonly skip: "all" | readonly string[];
  readonly experimental: "all" | readonly string[];
  readonly error: boolean;
}

const NONE: Options = { skip: [], experimental: [], error: false };

const CHECKS: readonly Row<string, Options>[] = [
  ["1.3/9", "nothing", "", NONE],
  ["1.3/9", "one rule", "skip=A", { ...NONE, skip: ["A"] }],
  ["1.3/9", "a list of rules", "skip=A, B,C", { ...NONE, skip: ["A", "B", "C"] }],
  ["1.3/9", "all rules", "skip=all", { ...NONE, skip: "all" }],
  ["1.3/9", "experimental rules", "experimental=A", { ...NONE, experimental: ["A"] }],
  ["1.3/9", "three items", "skip=A;experimental=all;error=true", { skip: ["A"], experimental: "all", error: true }],
  ["1.3/9", "error as Go writes booleans", "error=1", { ...NONE, error: true }],
  ["1.3/9", "error switched off", "error=F", NONE],
  ["1.3/9", "blanks around names and values", " skip = A ; error = true ", { ...NONE, skip: ["A"], error: true }],
  ["1.3/9", "an unknown key is an error", "skpi=A", /there is no option "skpi" \(did you mean skip\?\)/],
  ["1.3/9", "an item without = is an error", "skip", /"skip" has no "="/],
  ["1.3/9", "an empty item is an error", "skip=A;", /"" has no "="/],
  ["1.3/9", "error with another value is an error", "error=maybe", /"maybe" is neither true nor false/],
  ["1.3/9", "a fourth item belongs to the third", "skip=A;skip=B;error=true;skip=C", /"true;skip=C" is neither/],
];

testRows("parseCheckOptions()", CHECKS, (text) => {
  const { skip, experimental, error } = parseCheckOptions(text);
  const list = (rules: typeof skip): Options["skip"] => rules === "all" ? rules : [...rules];
  return { skip: list(skip), experimental: list(experimental), error };
});

const RANGE = { file: "Dockerfile", startLine: 1, endLine: 1 };

const SILENCED: readonly Row<readonly string[], boolean>[] = [
  ["1.2/3", "a comment silences a rule", ["check=skip=A"], false],
  ["1.2/3", "a remark may follow", ["check=skip=A // why"], false],
  ["1.2/3", "another rule speaks on", ["check=skip=B"], true],
  ["1.2/3", "any comment of the block counts", ["hello", "check=skip=A"], false],
  ["1.2/3", "the first such comment counts", ["check=skip=B", "check=skip=A"], true],
  ["1.2/3", "a comment that cannot be read says nothing", ["check=skpi=A"], true],
  ["1.2/3", "other comments say nothing", ["skip=A"], true],
];

testRows(
  "withComments()",
  SILENCED,
  (comments) => isActive(withComments(parseCheckOptions(""), comments, RANGE), { name: "A" }),
);

Deno.test("withComments() [1.2/3] adds to what the file says", () => {
  const options = withComments(parseCheckOptions("skip=A"), ["check=skip=B"], RANGE);
  assert.deepEqual(["A", "B", "C"].map((name) => isActive(options, { name })), [false, false, true]);
});

Deno.test("withComments() [1.2/3] skips all rules", () => {
  assert.equal(isActive(withComments(parseCheckOptions(""), ["check=skip=all"], RANGE), { name: "Anything" }), false);
});

Deno.test("parseCheckOptions() says what it read", () => {
  assert.match(faultOf(() => parseCheckOptions("x=1")), /^Cannot read the check options "x=1"/);
});

Deno.test("isActive() [5] experimental rules speak when asked to, and skip does not silence them", () => {
  const speaks = (options: string, name: string): boolean =>
    isActive(parseCheckOptions(options), { name, experimental: true });
  assert.deepEqual(
    ["", "experimental=A", "experimental=all", "experimental=B", "skip=all;experimental=A"].map((o) => speaks(o, "A")),
    [false, true, true, false, true],
  );
});
