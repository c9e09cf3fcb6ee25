/**
 * @module
 */
import assert from "node:assert/strict";
import { countTests } from "../../../scripts/junit.ts";

const REPORT = `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="deno test" tests="5" failures="1" errors="1" time="0.293">
    <testsuite name="./tests/a_test.ts" tests="4" disabled="1" errors="0" failures="1">
        <testcase name="a" classname="./tests/a_test.ts" time="0.001" line="1" col="6">
        </testcase>
        <testcase name="b &gt; c" classname="./tests/a_test.ts" time="0.003" line="2" col="6">
            <failure message="Uncaught">Error: &lt;testcase&gt;</failure>
        </testcase>
        <testcase name="c" classname="./tests/a_test.ts" time="0.000" line="3" col="6">
            <skipped/>
        </testcase>
        <testcase name="d" classname="./tests/a_test.ts" time="0"/>
    </testsuite>
    <testsuite name="./tests/b_&amp;_test.ts" tests="1" disabled="0" errors="1" failures="0">
        <testcase name="e" classname="./b" time="0.000" line="1" col="77">
            <error message="Cancelled"/>
        </testcase>
    </testsuite>
</testsuites>
`;

Deno.test("countTests() counts failures, errors and skipped tests apart", () => {
  const { passed, failed, skipped } = countTests(REPORT);
  assert.deepEqual({ passed, failed, skipped }, { passed: 2, failed: 2, skipped: 1 });
});

Deno.test("countTests() tells which files reported", () => {
  assert.deepEqual([...countTests(REPORT).files], ["./tests/a_test.ts", "./tests/b_&_test.ts"]);
});

Deno.test("countTests() counts nothing in an empty report", () => {
  const { passed, failed, skipped } = countTests('<testsuites name="deno test" tests="0"></testsuites>');
  assert.deepEqual([passed, failed, skipped], [0, 0, 0]);
});
