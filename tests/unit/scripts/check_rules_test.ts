/**
 * @module
 */
import assert from "node:assert/strict";
import { findFaults, readRules } from "../../../scripts/check_rules.ts";

const DOCUMENT = Deno.readTextFileSync(new URL("../../../docs/dockerfile_rules.md", import.meta.url));

/** A test file that cites all rules that are built. */
function citations(): string {
  const built = readRules(DOCUMENT).filter(({ text }) => !text.endsWith("Not built yet."));
  return built.map(({ id }) => `"does something [${id}]"`).join("\n");
}

Deno.test("readRules() finds numbered rules, named ones, and sections that are one", () => {
  const document = "intro\n## 1.1 A\n\n1. one\n   more\n2. two\n\n- **name**: three\n\n## 1.2 B\n\nfour\nfive\n";
  assert.deepEqual(readRules(document), [
    { id: "1.1/1", text: "one more" },
    { id: "1.1/2", text: "two" },
    { id: "1.1/name", text: "three" },
    { id: "1.2", text: "four five" },
  ]);
});

Deno.test("findFaults() is content when every rule is cited", () => {
  assert.deepEqual(findFaults(DOCUMENT, { "tests/a_test.ts": citations() }), []);
});

Deno.test("findFaults() finds a rule that no test cites", () => {
  const tests = { "tests/a_test.ts": citations().replace("[3.3/5]", "") };
  assert.match(findFaults(DOCUMENT, tests).join(), /^\[3\.3\/5\] is cited by no test: Symlinks of the destination/);
});

Deno.test("findFaults() takes the first cell of a row for a citation, and no number in a list", () => {
  const row = citations().replace("[3.3/5]", '\n  [\n    "3.3/5",\n    "shows"');
  assert.deepEqual(findFaults(DOCUMENT, { "tests/a_test.ts": `${row} [1.75, 3.3]` }), []);
});

Deno.test("findFaults() finds citations of rules that are not there, and sections that lost a rule", () => {
  const tests = { "tests/a_test.ts": `${citations()} [3.3/16] [3.3/none] [9.9]` };
  assert.deepEqual(findFaults(DOCUMENT, tests), [
    "tests/a_test.ts cites [3.3/16], which is not there",
    "tests/a_test.ts cites [3.3/none], which is not there",
  ]);
  const shorter = DOCUMENT.replace(/^15\. Dates do not.*\n/m, "");
  assert.match(findFaults(shorter, { "tests/a_test.ts": citations() }).join(), /3\.3 has .*, not 1 to 15/);
});

Deno.test("findFaults() finds a rule that is said not to be built and has a test", () => {
  const document = DOCUMENT.replace("kept.\n", "kept. Not built yet.\n");
  assert.match(findFaults(document, { "tests/a_test.ts": citations() }).join(), /\[3\.3\/10\]|\[3\.9\] is built/);
});
