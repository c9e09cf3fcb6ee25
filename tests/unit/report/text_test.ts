/**
 * @module
 */
import assert from "node:assert/strict";
import type { Failure, ReportOptions } from "../../../lib/report/console_report.ts";
import { createReport } from "../../../lib/report/create_report.ts";
import type { Level } from "../../../lib/report/report.ts";
import { bytes, fakeWorld } from "./fake_world.ts";

const TEXT: ReportOptions = { format: "text", verbosity: "info", timestamps: false };

Deno.test("text report, shows level, seconds since the start, step and message in one line", () => {
  const world = fakeWorld();
  createReport(TEXT, world).step("build 2/5").message("info", "RUN npm ci");
  assert.equal(world.stderr.text(), "INFO[0003] [build 2/5] RUN npm ci\n");
  assert.equal(world.stdout.text(), "");
});

Deno.test("text report, shows the time of day with timestamps", () => {
  const world = fakeWorld();
  createReport({ ...TEXT, timestamps: true }, world).message("warn", "careful");
  assert.equal(world.stderr.text(), "WARN[2026-08-22T10:20:30.400Z] careful\n");
});

Deno.test("text report, puts the labels of nested steps one after the other", () => {
  const world = fakeWorld();
  createReport(TEXT, world).step("a").step("b").message("error", "x");
  assert.equal(world.stderr.text(), "ERROR[0003] [a] [b] x\n");
});

const LEVELS: readonly Level[] = ["error", "warn", "info", "debug", "trace"];
for (const [shown, verbosity] of LEVELS.entries()) {
  Deno.test(`text report, shows at verbosity ${verbosity} that level and the graver ones`, () => {
    const world = fakeWorld();
    const report = createReport({ ...TEXT, verbosity }, world);
    for (const level of LEVELS) report.message(level, "m");
    const expected = LEVELS.slice(0, shown + 1).map((level) => `${level.toUpperCase()}[0003] m\n`);
    assert.equal(world.stderr.text(), expected.join(""));
  });
}

// With `escapeControls` returning its argument this fails, and so does the test of failures below.
Deno.test("text report, escapes control characters of messages and labels (log injection, S11)", () => {
  const world = fakeWorld();
  createReport(TEXT, world).step("a\nb").message("info", "x\nERROR[0000] forged\x1b[2J\r\x9b1m\u202e\ttab");
  assert.equal(
    world.stderr.text(),
    "INFO[0003] [a\\nb] x\\nERROR[0000] forged\\x1b[2J\\r\\x9b1m\\u202e\ttab\n",
  );
});

Deno.test("text report, passes RUN output on to the stream it came from, behind the step", () => {
  const world = fakeWorld();
  const report = createReport({ ...TEXT, verbosity: "error" }, world).step("1/2");
  report.output("stdout", bytes("to out"));
  report.output("stderr", bytes("to err"));
  assert.deepEqual([world.stdout.text(), world.stderr.text()], ["[1/2] to out\n", "[1/2] to err\n"]);
});

Deno.test("text report, leaves the bytes of RUN output as they are", () => {
  const written: Uint8Array[] = [];
  const sink = { isTerminal: false, write: (chunk: Uint8Array) => void written.push(chunk) };
  const line = Uint8Array.of(0x1b, 0x5b, 0x33, 0x31, 0x6d, 0xff, 0xfe, 0x00);
  createReport(TEXT, { ...fakeWorld(), stdout: sink }).output("stdout", line);
  assert.deepEqual(written, [Uint8Array.of(...line, 0x0a)]);
});

const FAILURE: Failure = {
  message: 'Cannot copy "app.jar": it is not in the build context',
  place: { file: "Dockerfile", startLine: 14, endLine: 14, excerpt: "14 | COPY app.jar /srv/\n" },
  hint: "the context is /workspace",
  causes: ["Error: ENOENT"],
  exitCode: 66,
};

Deno.test("text report, shows a failure with place, excerpt and hint", () => {
  const world = fakeWorld();
  createReport(TEXT, world).failure(FAILURE);
  assert.equal(
    world.stderr.text(),
    'error: Cannot copy "app.jar": it is not in the build context\n' +
      "14 | COPY app.jar /srv/\nhint: the context is /workspace\n",
  );
});

Deno.test("text report, shows the causes of a failure at level debug", () => {
  const world = fakeWorld();
  createReport({ ...TEXT, verbosity: "debug" }, world).failure({ message: "m", causes: ["a", "b"], exitCode: 70 });
  assert.equal(world.stderr.text(), "error: m\ncause: a\ncause: b\n");
});

Deno.test("text report, shows a failure whatever the verbosity", () => {
  const world = fakeWorld();
  createReport({ ...TEXT, verbosity: "error" }, world).failure({ message: "m", causes: [], exitCode: 1 });
  assert.equal(world.stderr.text(), "error: m\n");
});

Deno.test("text report, escapes control characters of a failure line by line", () => {
  const world = fakeWorld();
  createReport(TEXT, world).failure({
    message: "a\x1bb",
    place: { file: "D\nF", startLine: 1, endLine: 2, excerpt: "1 | \x07\n2 | x" },
    hint: "h\r",
    stack: "Error: x\n    at \x00y",
    causes: [],
    exitCode: 70,
  });
  assert.equal(
    world.stderr.text(),
    "error: a\\x1bb\n1 | \\x07\n2 | x\nError: x\n    at \\x00y\nhint: h\\r\n",
  );
});
