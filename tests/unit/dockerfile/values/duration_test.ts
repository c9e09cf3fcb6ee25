import assert from "node:assert/strict";
import fc from "../../../support/fast_check.ts";
import { formatDuration, parseDuration } from "../../../../lib/dockerfile/values/duration.ts";
import { type Row, testRows } from "../../../support/rows.ts";

const MS = 1_000_000;
const S = 1000 * MS;

const DURATIONS: readonly Row<string, number | undefined>[] = [
  ["3.12/1", "seconds", "30s", 30 * S],
  ["3.12/1", "minutes and seconds", "1m30s", 90 * S],
  ["3.12/1", "hours", "2h", 7200 * S],
  ["3.12/1", "milliseconds", "100ms", 100 * MS],
  ["3.12/1", "microseconds", "5us", 5000],
  ["3.12/1", "microseconds with a micro sign", "5\u00b5s", 5000],
  ["3.12/1", "microseconds with a Greek letter", "5\u03bcs", 5000],
  ["3.12/1", "nanoseconds", "7ns", 7],
  ["3.12/1", "a fraction", "1.5s", 1500 * MS],
  ["3.12/1", "a fraction without digits in front", ".5s", 500 * MS],
  ["3.12/1", "a point without digits behind", "1.s", S],
  ["3.12/1", "a long fraction", "0.1234567891234s", 123_456_789],
  ["3.12/1", "units in any order", "1s1h", 3601 * S],
  ["3.12/1", "the same unit twice", "1s1s", 2 * S],
  ["3.12/1", "zero needs no unit", "0", 0],
  ["3.12/1", "zero with unit", "0s", 0],
  ["3.12/1", "a sign", "+1s", S],
  ["3.12/1", "a negative one", "-1s", -S],
  ["3.12/1", "a number without unit", "30", undefined],
  ["3.12/1", "a unit without number", "s", undefined],
  ["3.12/1", "a point without digits", ".s", undefined],
  ["3.12/1", "nothing", "", undefined],
  ["3.12/1", "a sign alone", "-", undefined],
  ["3.12/1", "an unknown unit", "1d", undefined],
  ["3.12/1", "upper case", "1S", undefined],
  ["3.12/1", "a blank", "1 s", undefined],
  ["3.12/1", "two signs", "--1s", undefined],
  ["3.12/1", "more than 64 bits", "9999999h", undefined],
  ["3.12/1", "a number of many digits", "99999999999999999999s", undefined],
];

testRows("parseDuration()", DURATIONS, parseDuration);

const DURATION_TEXTS: readonly Row<number, string>[] = [
  ["3.0/9", "zero", 0, "0s"],
  ["3.0/9", "nanoseconds", 7, "7ns"],
  ["3.0/9", "microseconds", 1500, "1.5\u00b5s"],
  ["3.0/9", "milliseconds", 100 * MS, "100ms"],
  ["3.0/9", "a part of a millisecond", 1.25 * MS, "1.25ms"],
  ["3.0/9", "seconds", 3 * S, "3s"],
  ["3.0/9", "a part of a second", 1.5 * S, "1.5s"],
  ["3.0/9", "minutes", 60 * S, "1m0s"],
  ["3.0/9", "minutes and seconds", 90 * S, "1m30s"],
  ["3.0/9", "hours", 3600 * S, "1h0m0s"],
  ["3.0/9", "all units", 3723.004 * S, "1h2m3.004s"],
  ["3.0/9", "a negative one", -90 * S, "-1m30s"],
];

testRows("formatDuration()", DURATION_TEXTS, formatDuration);

Deno.test("parseDuration() reads what formatDuration() writes", () => {
  fc.assert(fc.property(fc.integer({ min: -(2 ** 52), max: 2 ** 52 }), (nanoseconds) => {
    assert.equal(parseDuration(formatDuration(nanoseconds)), nanoseconds + 0);
  }));
});
