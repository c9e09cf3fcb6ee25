/**
 * @module
 */
import assert from "node:assert/strict";
import type { ReportOptions } from "../../../lib/report/console_report.ts";
import { createReport } from "../../../lib/report/create_report.ts";
import { bytes, fakeWorld } from "./fake_world.ts";

const JSON_LINES: ReportOptions = { format: "json", verbosity: "info", timestamps: false };
const TIME = "2026-08-22T10:20:30.400Z";

Deno.test("json report, writes one object a line with level, msg, time and step", () => {
  const world = fakeWorld();
  const report = createReport(JSON_LINES, world);
  report.message("info", "hello");
  report.step("build 2/5").message("error", "bad");
  assert.equal(
    world.stderr.text(),
    `{"level":"info","msg":"hello","time":"${TIME}"}\n` +
      `{"level":"error","msg":"bad","time":"${TIME}","step":"build 2/5"}\n`,
  );
});

Deno.test("json report, names the level warn as kaniko does", () => {
  const world = fakeWorld();
  createReport(JSON_LINES, world).message("warn", "w");
  assert.equal(JSON.parse(world.stderr.text()).level, "warning");
});

Deno.test("json report, keeps a message of several lines in one", () => {
  const world = fakeWorld();
  createReport(JSON_LINES, world).message("info", 'a\nb"\x1b');
  assert.equal(world.stderr.text().split("\n").length, 2);
  assert.equal(JSON.parse(world.stderr.text()).msg, 'a\nb"\x1b');
});

Deno.test("json report, leaves out what is more verbose than asked", () => {
  const world = fakeWorld();
  createReport({ ...JSON_LINES, verbosity: "warn" }, world).message("info", "m");
  assert.equal(world.stderr.text(), "");
});

Deno.test("json report, writes RUN output with its stream, to that stream", () => {
  const world = fakeWorld();
  const report = createReport(JSON_LINES, world).step("1/1");
  report.output("stdout", Uint8Array.of(0x61, 0xff));
  report.output("stderr", bytes("é"));
  const expected = { level: "info", time: TIME, step: "1/1" };
  assert.deepEqual(JSON.parse(world.stdout.text()), { ...expected, msg: "a\ufffd", stream: "stdout" });
  assert.deepEqual(JSON.parse(world.stderr.text()), { ...expected, msg: "é", stream: "stderr" });
});

Deno.test("json report, writes a failure as one object with all its parts", () => {
  const world = fakeWorld();
  createReport({ ...JSON_LINES, verbosity: "error" }, world).failure({
    message: "Cannot x",
    place: { file: "Dockerfile", startLine: 3, endLine: 4, excerpt: "3 | x" },
    hint: "do y",
    causes: ["why"],
    stack: "s",
    exitCode: 65,
  });
  assert.deepEqual(JSON.parse(world.stderr.text()), {
    level: "error",
    msg: "Cannot x",
    time: TIME,
    exitCode: 65,
    file: "Dockerfile",
    line: 3,
    endLine: 4,
    hint: "do y",
    causes: ["why"],
    stack: "s",
  });
});
