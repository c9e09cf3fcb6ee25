import assert from "node:assert/strict";
import fc from "../../../support/fast_check.ts";
import { splitCsv } from "../../../../lib/dockerfile/values/csv.ts";
import { type Row, testRows } from "../../../support/rows.ts";

const CSV: readonly Row<string, readonly string[] | undefined>[] = [
  ["3.2/8", "one field", "a", ["a"]],
  ["3.2/8", "fields", "a,b=c,d", ["a", "b=c", "d"]],
  ["3.2/8", "empty fields", "a,,", ["a", "", ""]],
  ["3.2/8", "a quoted comma", '"a,b",c', ["a,b", "c"]],
  ["3.2/8", "a doubled quote", '"a""b"', ['a"b']],
  ["3.2/8", "an empty quoted field", '"",a', ["", "a"]],
  ["3.2/8", "blanks stay", " a , b ", [" a ", " b "]],
  ["3.2/8", "a line end behind is dropped", "a,b\n", ["a", "b"]],
  ["3.2/8", "nothing", "", undefined],
  ["3.2/8", "a quote inside a field", 'a"b', undefined],
  ["3.2/8", "text behind a quoted field", '"a"b', undefined],
  ["3.2/8", "a quote that is not closed", '"a', undefined],
];

testRows("splitCsv()", CSV, splitCsv);

Deno.test("splitCsv() reads fields that were quoted", () => {
  fc.assert(fc.property(fc.array(fc.string(), { minLength: 1 }), (fields) => {
    const record = fields.map((field) => `"${field.replaceAll('"', '""')}"`).join(",");
    assert.deepEqual(splitCsv(record), fields);
  }));
});
