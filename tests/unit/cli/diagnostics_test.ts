/**
 * @module
 */
import assert from "node:assert/strict";
import { describeError, reportError } from "../../../lib/cli/diagnostics.ts";
import { VERSION } from "../../../lib/cli/version.ts";
import { KilnError } from "../../../lib/errors.ts";
import { createReport } from "../../../lib/report/create_report.ts";
import { fakeHost } from "./fake_host.ts";

const NO_EXCERPT = { excerpt: () => undefined };
const RANGE = { file: "Dockerfile", startLine: 3, endLine: 4 };

Deno.test("describeError(), tells a KilnError in its own words", () => {
  const error = new KilnError("context", "Cannot x", { hint: "do y", range: RANGE });
  assert.deepEqual(describeError(error, NO_EXCERPT), {
    message: "Cannot x",
    hint: "do y",
    place: RANGE,
    causes: [],
    exitCode: 66,
  });
});

Deno.test("describeError(), shows the excerpt of the place", () => {
  const error = new KilnError("dockerfile", "Cannot x", { range: RANGE });
  const failure = describeError(error, { excerpt: ({ file, startLine }) => `${file} ${startLine}` });
  assert.deepEqual(failure.place, { ...RANGE, excerpt: "Dockerfile 3" });
});

Deno.test("describeError(), has the exit code of the failed command", () => {
  assert.equal(describeError(new KilnError("run", "m", { exitCode: 42 }), NO_EXCERPT).exitCode, 42);
});

Deno.test("describeError(), lists the causes from the outside in", () => {
  const error = new KilnError("disk", "m", { cause: new TypeError("outer", { cause: "inner" }) });
  assert.deepEqual(describeError(error, NO_EXCERPT).causes, ["TypeError: outer", "inner"]);
});

Deno.test("describeError(), ends a loop of causes", () => {
  const error = new Error("a");
  error.cause = error;
  assert.equal(describeError(new KilnError("disk", "m", { cause: error }), NO_EXCERPT).causes.length, 10);
});

Deno.test("describeError(), tells anything else as a bug, with its stack", () => {
  const error = new TypeError("x is undefined");
  const failure = describeError(error, NO_EXCERPT);
  assert.deepEqual([failure.message, failure.stack, failure.exitCode], [
    "Cannot go on: an error inside Kiln (TypeError: x is undefined)",
    error.stack,
    70,
  ]);
  assert.match(failure.hint ?? "", new RegExp(`this is a bug in Kiln ${VERSION}`));
});

Deno.test("describeError(), copes with what is no error", () => {
  assert.equal(describeError("text", NO_EXCERPT).message, "Cannot go on: an error inside Kiln (text)");
});

Deno.test("reportError(), tells each error of several and returns the code of the first", () => {
  const host = fakeHost();
  const report = createReport({ format: "text", verbosity: "info", timestamps: false }, host);
  const [first, second] = [new KilnError("denied", "Cannot push to a"), new KilnError("registry", "Cannot push to b")];
  const code = reportError(new AggregateError([first, second, first]), report, NO_EXCERPT);
  assert.deepEqual([code, host.err()], [77, "error: Cannot push to a\nerror: Cannot push to b\n"]);
});

Deno.test("reportError(), tells what ended the build before what the clean-up met, and has its exit code", () => {
  const host = fakeHost();
  const report = createReport({ format: "text", verbosity: "info", timestamps: false }, host);
  const [build, cleanUp] = [new KilnError("context", "Cannot copy a"), new KilnError("disk", "Cannot remove b")];
  const code = reportError(new SuppressedError(cleanUp, build), report, NO_EXCERPT);
  assert.deepEqual([code, host.err()], [66, "error: Cannot copy a\nerror: Cannot remove b\n"]);
});
