import assert from "node:assert/strict";
import { parseRetryAfter } from "../../../lib/http/retry_after.ts";

const NOW = Date.UTC(2026, 5, 1, 12, 0, 0);

const CASES: readonly (readonly [value: string | undefined, date: string | undefined, ms: number | undefined])[] = [
  [undefined, undefined, undefined],
  ["", undefined, undefined],
  ["0", undefined, 0],
  ["7", undefined, 7_000],
  [" 7 ", undefined, 7_000],
  ["1000000000", undefined, 1e12],
  ["-7", undefined, undefined],
  ["7.5", undefined, undefined],
  ["0x10", undefined, undefined],
  ["soon", undefined, undefined],
  ["2026", undefined, 2_026_000],
  ["Mon, 01 Jun 2026 12:00:30 GMT", undefined, 30_000],
  ["Mon, 01 Jun 2026 11:00:00 GMT", undefined, 0],
  ["Mon, 01 Jun 2026 12:00:30 CET", undefined, undefined],
  ["Mon, 99 Jun 2026 12:00:30 GMT", undefined, undefined],
  ["June 1, 2026", undefined, undefined],
  // The server's clock is an hour ahead of ours: its own Date tells what it means.
  ["Mon, 01 Jun 2026 13:00:30 GMT", "Mon, 01 Jun 2026 13:00:20 GMT", 10_000],
  ["Mon, 01 Jun 2026 12:00:30 GMT", "nonsense", 30_000],
];

for (const [value, date, ms] of CASES) {
  Deno.test(`parseRetryAfter() reads ${JSON.stringify(value)} with Date ${JSON.stringify(date)} as ${ms} ms`, () => {
    assert.equal(parseRetryAfter(value, { nowMs: NOW, date }), ms);
  });
}
