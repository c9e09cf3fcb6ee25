import { type FlagTable, parseFlags } from "../../../lib/dockerfile/flags.ts";
import { readLines } from "../../../lib/dockerfile/read_lines.ts";
import { type Row, testRows } from "../../support/rows.ts";

const TABLE = { from: "text", link: "boolean", exclude: "list", mount: "list" } as const satisfies FlagTable;

const NOTHING = { from: undefined, link: undefined, exclude: [], mount: [] };

const FLAGS: readonly Row<string, unknown>[] = [
  ["1.5/3", "no flags", "", NOTHING],
  ["1.5/3", "text", "--from=a", { ...NOTHING, from: "a" }],
  ["1.5/3", "text with an equals sign", "--from=a=b", { ...NOTHING, from: "a=b" }],
  ["1.5/3", "empty text", "--from=", { ...NOTHING, from: "" }],
  ["1.5/3", "text without value", "--from", /"--from" of COPY: it has no value \(write --from=value\)/],
  ["1.5/3", "text twice", "--from=a --from=a", /"--from" of COPY: it is given twice/],
  ["1.5/3", "a bare boolean", "--link", { ...NOTHING, link: true }],
  ["1.5/3", "a boolean", "--link=true", { ...NOTHING, link: true }],
  ["1.5/3", "a boolean in any case", "--link=TruE", { ...NOTHING, link: true }],
  ["1.5/3", "a false boolean", "--link=False", { ...NOTHING, link: false }],
  ["1.5/3", "a boolean with an empty value", "--link=", /"--link" of COPY: it has no value/],
  ["1.5/3", "a boolean as a number", "--link=1", /"1" is neither true nor false/],
  ["1.5/3", "a boolean twice", "--link --link=false", /it is given twice/],
  ["1.5/3", "a false boolean twice", "--link=false --link=false", /it is given twice/],
  ["1.5/3", "a list", "--exclude=a --exclude=b", { ...NOTHING, exclude: ["a", "b"] }],
  ["1.5/3", "an empty list item", "--exclude=", { ...NOTHING, exclude: [""] }],
  ["1.5/3", "a list without value", "--exclude", /it has no value/],
  ["1.5/3", "all kinds", "--mount=x --link --from=y", { ...NOTHING, mount: ["x"], link: true, from: "y" }],
  ["1.5/3", "an unknown flag", "--user=a", /"--user" of COPY: there is no such flag$/],
  ["1.9/4", "an unknown flag near a known one", "--form=a", /no such flag \(did you mean --from\?\)/],
  ["1.5/3", "flags are case-sensitive", "--From=a", /no such flag \(did you mean --from\?\)/],
  ["1.5/3", "a flag of dashes only", "---", /"---" of COPY: there is no such flag/],
  ["1.5/3", "a name every object has", "--constructor=a", /no such flag/],
  ["1.5/3", "another name every object has", "--__proto__=a", /no such flag/],
];

testRows("parseFlags()", FLAGS, (flags) => {
  const [line] = readLines(`COPY ${flags} a b`, "Dockerfile").lines;
  return line && parseFlags(line, TABLE);
});
