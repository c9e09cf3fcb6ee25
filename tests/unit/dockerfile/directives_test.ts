import assert from "node:assert/strict";
import { readLines } from "../../../lib/dockerfile/read_lines.ts";
import { type Row, testRows } from "../../support/rows.ts";

interface Found {
  readonly syntax?: string;
  readonly escape?: string;
  readonly check?: string;
}

const DIRECTIVES: readonly Row<string, Found>[] = [
  ["1.3/1", "the plain form", "# syntax=docker/dockerfile:1\nFROM a", { syntax: "docker/dockerfile:1" }],
  ["1.3/1", "blanks are allowed everywhere", "#   syntax  \t=  a/b  \nFROM a", { syntax: "a/b" }],
  ["1.3/1", "no blank is needed", "#escape=`\nFROM a", { escape: "`" }],
  ["1.3/1", "names have any case", "# SynTax=a\nFROM a", { syntax: "a" }],
  ["1.3/1", "values keep their case", "# syntax=A/B\nFROM a", { syntax: "A/B" }],
  ["1.3/1", "an empty value is no directive", "# syntax=\n# escape=`\nFROM a", {}],
  ["1.3/1", "a value of blanks is no directive", "# syntax=   \n# escape=`\nFROM a", {}],
  ["1.3/1", "a name with a dash is no directive", "# syn-tax=a\n# escape=`\nFROM a", {}],
  ["1.3/1", "an indented directive counts for the parser only", "  # escape=`\nFROM a", { escape: "`" }],
  ["1.3/1", "an indented directive is not found early", "  # syntax=a\nFROM a", {}],
  ["1.3/1", "behind a byte order mark", "\ufeff# escape=`\nFROM a", { escape: "`" }],
  ["1.3/1", "with CR LF", "# syntax=a\r\n# escape=`\r\nFROM a", { syntax: "a", escape: "`" }],
  [
    "1.3/2",
    "all three in any order",
    "# check=skip=all\n# escape=`\n# syntax=a\nFROM a",
    { check: "skip=all", escape: "`", syntax: "a" },
  ],
  ["1.3/2", "a repeated directive is an error", "# escape=`\n# escape=\\\nFROM a", /"escape": it was given before/],
  ["1.3/2", "a repeat in other case is an error", "# syntax=a\n# SYNTAX=b\nFROM a", /"syntax": it was given before/],
  ["1.3/2", "a repeat of check is an error", "# check=error=true\n# check=skip=all\nFROM a", /"check": it was given/],
  ["1.3/3", "a blank line ends the search", "# syntax=a\n\n# escape=`\nFROM a", { syntax: "a" }],
  ["1.3/3", "a comment ends the search", "# hello\n# escape=`\nFROM a", {}],
  ["1.3/3", "an unknown directive ends the search", "# foo=bar\n# escape=`\nFROM a", {}],
  ["1.3/3", "an instruction ends the search", "FROM a\n# escape=`", {}],
  ["1.3/3", "a repeat behind the end is a comment", "# escape=`\n#\n# escape=\\\nFROM a", { escape: "`" }],
  ["1.3/4", "the backslash can be named", "# escape=\\\nFROM a", { escape: "\\" }],
  ["1.3/4", "another character is an error", "# escape=x\nFROM a", /"x" as the escape character: it is neither/],
  ["1.3/4", "two characters are an error", "# escape=``\nFROM a", /neither/],
  ["1.3/5", "words behind the reference stay in the value", "# syntax=a:1 b c\nFROM a", { syntax: "a:1 b c" }],
  ["1.3/5", "a #! line is skipped", "#!/bin/x\n# syntax=a\nFROM a", { syntax: "a" }],
  ["1.3/5", "// works where # found nothing", "// syntax=a\nFROM a", { syntax: "a" }],
  ["1.3/5", "# wins over //", "# syntax=a\n// syntax=b\nFROM a", { syntax: "a" }],
  ["1.3/5", "a file that is a JSON object", '{"syntax": "a:1",\n"x": 1}', { syntax: "a:1" }],
  ["1.3/5", "a JSON object without syntax", '{"x": "a:1"}', {}],
  ["1.3/5", "a JSON object whose syntax is no string", '{"syntax": 1}', {}],
  ["1.3/6", "a #! line is skipped for check", "#!x\n# check=skip=all\nFROM a", { check: "skip=all" }],
  ["1.3/6", "// is not for check", "// check=skip=all\nFROM a", {}],
  ["1.3/6", "a remark stays in the value", "# check=skip=all because\nFROM a", { check: "skip=all because" }],
  ["1.3/7", "escape behind a #! line does nothing", "#!x\n# escape=`\n# syntax=a\nFROM a", { syntax: "a" }],
];

testRows("directives", DIRECTIVES, (text) => {
  const { syntax, escape, check } = readLines(text, "Dockerfile").directives;
  return {
    ...(syntax === undefined ? {} : { syntax: syntax.value }),
    ...(escape === undefined ? {} : { escape }),
    ...(check === undefined ? {} : { check: check.value }),
  };
});

Deno.test("directives [1.3/2] a repeat is located in its own line", () => {
  assert.throws(() => readLines("# syntax=a\n# syntax=b\nFROM a", "D"), {
    range: { file: "D", startLine: 2, endLine: 2 },
  });
});
