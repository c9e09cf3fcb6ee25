/**
 * @module
 */
import assert from "node:assert/strict";
import fc from "../../support/fast_check.ts";
import { parseGoCsv, parseGoDuration, parseGoInteger } from "../../../lib/cli/go_values.ts";

const INTEGERS: readonly (readonly [text: string, value: number | undefined])[] = [
  ["0", 0],
  ["-0", 0],
  ["7", 7],
  ["+7", 7],
  ["-1", -1],
  ["0x1F", 31],
  ["-0x10", -16],
  ["010", 8],
  ["0o17", 15],
  ["0b101", 5],
  ["1_000", 1000],
  ["9007199254740991", Number.MAX_SAFE_INTEGER],
  ["9007199254740993", undefined],
  ["", undefined],
  ["-", undefined],
  ["1.5", undefined],
  ["1e3", undefined],
  ["08", undefined],
  ["0x", undefined],
  ["1__0", undefined],
  ["_1", undefined],
  [" 1", undefined],
  ["--1", undefined],
];
for (const [text, value] of INTEGERS) {
  Deno.test(`parseGoInteger(), ${JSON.stringify(text)} is ${value}`, () => {
    assert.ok(Object.is(parseGoInteger(text), value), String(parseGoInteger(text)));
  });
}

const DURATIONS: readonly (readonly [text: string, ms: number | undefined])[] = [
  ["0", 0],
  ["6h", 21_600_000],
  ["336h0m0s", 1_209_600_000],
  ["90m", 5_400_000],
  ["1.5h", 5_400_000],
  ["1h30m", 5_400_000],
  [".5s", 500],
  ["2.s", 2000],
  ["100ms", 100],
  ["3us", 0.003],
  ["3µs", 0.003],
  ["3μs", 0.003],
  ["1000000ns", 1],
  ["-1s", -1000],
  ["", undefined],
  ["5", undefined],
  ["h", undefined],
  [".h", undefined],
  ["1d", undefined],
  ["1 h", undefined],
  ["1h ", undefined],
  ["9999999h", undefined],
];
for (const [text, ms] of DURATIONS) {
  Deno.test(`parseGoDuration(), ${JSON.stringify(text)} is ${ms} ms`, () => {
    assert.ok(Object.is(parseGoDuration(text), ms), String(parseGoDuration(text)));
  });
}

const RECORDS: readonly (readonly [text: string, fields: readonly string[] | undefined])[] = [
  ["", []],
  ["a", ["a"]],
  ["a,b", ["a", "b"]],
  ["a,,b,", ["a", "", "b", ""]],
  [" a , b", [" a ", " b"]],
  ['"a,b",c', ["a,b", "c"]],
  ['"say ""hi"""', ['say "hi"']],
  ['""', [""]],
  ['"two\nlines"', ["two\nlines"]],
  ['a"b', undefined],
  ['"a', undefined],
  ['"a"b', undefined],
  ["a\nb", undefined],
];
for (const [text, fields] of RECORDS) {
  Deno.test(`parseGoCsv(), ${JSON.stringify(text)} is ${JSON.stringify(fields)}`, () => {
    assert.deepEqual(parseGoCsv(text), fields);
  });
}

Deno.test("parseGoCsv(), gives back the fields that were quoted", () => {
  fc.assert(fc.property(fc.array(fc.string(), { minLength: 1 }), (fields) => {
    const text = fields.map((field) => `"${field.replaceAll('"', '""')}"`).join(",");
    assert.deepEqual(parseGoCsv(text), fields);
  }));
});
