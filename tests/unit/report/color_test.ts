/**
 * @module
 */
import assert from "node:assert/strict";
import type { ReportOptions } from "../../../lib/report/console_report.ts";
import { createReport } from "../../../lib/report/create_report.ts";
import { bytes, fakeWorld } from "./fake_world.ts";

const COLOR: ReportOptions = { format: "color", verbosity: "info", timestamps: false };

Deno.test("color report, paints level and step on a terminal", () => {
  const world = fakeWorld({ terminal: true });
  createReport(COLOR, world).step("s").message("warn", "m");
  assert.equal(world.stderr.text(), "\x1b[33mWARN[0003]\x1b[0m \x1b[34m[s]\x1b[0m m\n");
});

Deno.test("color report, ends the colour that a RUN left on", () => {
  const world = fakeWorld({ terminal: true });
  const report = createReport(COLOR, world);
  report.output("stdout", bytes("\x1b[31mred"));
  report.output("stdout", bytes("plain"));
  assert.equal(world.stdout.text(), "\x1b[31mred\x1b[0m\nplain\n");
});

Deno.test("color report, paints only the stream that is a terminal", () => {
  const world = { ...fakeWorld({ terminal: true }), stdout: fakeWorld().stdout };
  const report = createReport(COLOR, world).step("s");
  report.output("stdout", bytes("\x1b[31mred"));
  report.output("stderr", bytes("x"));
  assert.deepEqual([world.stdout.text(), world.stderr.text()], ["[s] \x1b[31mred\n", "\x1b[34m[s]\x1b[0m x\n"]);
});

const ENVIRONMENTS: readonly (readonly [terminal: boolean, env: Record<string, string>, painted: boolean])[] = [
  [false, {}, false],
  [true, {}, true],
  [true, { TERM: "dumb" }, false],
  [true, { NO_COLOR: "1" }, false],
  [true, { NO_COLOR: "" }, true],
  [false, { FORCE_COLOR: "1" }, true],
  [false, { FORCE_COLOR: "true", TERM: "dumb" }, true],
  [true, { FORCE_COLOR: "0" }, false],
  [true, { FORCE_COLOR: "false" }, false],
  [false, { FORCE_COLOR: "" }, false],
  [true, { FORCE_COLOR: "1", NO_COLOR: "1" }, false],
];
for (const [terminal, env, painted] of ENVIRONMENTS) {
  const where = `${terminal ? "on a terminal" : "in a pipe"} with ${JSON.stringify(env)}`;
  Deno.test(`color report, ${painted ? "paints" : "does not paint"} ${where}`, () => {
    const world = fakeWorld({ env, terminal });
    createReport(COLOR, world).message("info", "m");
    assert.equal(world.stderr.text().includes("\x1b"), painted);
  });
}

Deno.test("text report, paints nothing even when colours are forced", () => {
  const world = fakeWorld({ env: { FORCE_COLOR: "1" }, terminal: true });
  createReport({ ...COLOR, format: "text" }, world).message("info", "m");
  assert.equal(world.stderr.text(), "INFO[0003] m\n");
});
