/**
 * @module
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { OutputBudget, OutputTail } from "../../../lib/report/output_limit.ts";
import { createOutputLines } from "../../../lib/report/output_lines.ts";
import { Redactor } from "../../../lib/report/redactor.ts";
import type { Report } from "../../../lib/report/report.ts";
import fc from "../../support/fast_check.ts";

function collect(): { readonly report: Report; readonly lines: string[] } {
  const lines: string[] = [];
  const report: Report = {
    message: (level, text) => void lines.push(`${level}: ${text}`),
    output: (_stream, line) => void lines.push(Buffer.from(line).toString()),
    step: () => report,
  };
  return { report, lines };
}

/** Prints the chunks on one stream of a step with a limit and returns the lines. */
function printed(chunks: readonly string[], limitBytes: number): readonly string[] {
  const { report, lines } = collect();
  const redactor = new Redactor();
  redactor.add("hunter22");
  const output = createOutputLines(report, "stdout", { redactor, budget: new OutputBudget(report, limitBytes) });
  for (const chunk of chunks) output.write(Buffer.from(chunk));
  output.end();
  return lines;
}

Deno.test("output limit, passes on what is within it, and everything where there is none", () => {
  for (const limit of [8, 0]) assert.deepEqual(printed(["one\n", "two\n"], limit), ["one", "two"]);
});

Deno.test("output limit, keeps the last lines for the end and says how much is missing", () => {
  const chunks = Array.from({ length: 20_000 }, (_, number) => `${String(number).padStart(7, "0")}\n`);
  const lines = printed(["start\nhal", ...chunks, "the reason"], 10);
  assert.deepEqual(lines.slice(0, 3), [
    "start",
    "warn: Leaving out output beyond 10 bytes; the last lines follow at the end",
    "hal",
  ]);
  assert.match(lines[3] ?? "", /^warn: Left out \d+ bytes of stdout$/);
  assert.deepEqual([lines.at(-2), lines.at(-1)], ["0019999", "the reason"]);
  assert.match(lines[4] ?? "", /^\d{7}$/, "the first one is whole");
});

Deno.test("output limit, hides secrets in what follows at the end too", () => {
  assert.deepEqual(printed(["0123456789\n", "abc hun", "ter22 def\n"], 5).slice(1), ["0123456789", "abc **** def"]);
});

Deno.test("OutputTail, has the last bytes however they came", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(100_000), { maxLength: 8 }), (sizes) => {
      const tail = new OutputTail();
      const all = Buffer.alloc(sizes.reduce((sum, size) => sum + size, 0));
      all.forEach((_, at) => all[at] = at % 251 === 10 ? 11 : at % 251);
      let at = 0;
      for (const size of sizes) tail.push(all.subarray(at, at += size));
      const { bytes, droppedBytes } = tail.read();
      assert.equal(bytes.length + droppedBytes, all.length);
      assert.ok(Buffer.from(bytes).equals(all.subarray(droppedBytes)));
      assert.ok(bytes.length >= Math.min(all.length, 65_536));
    }),
    { numRuns: 50 },
  );
});
