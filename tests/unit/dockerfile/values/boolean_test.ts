import { parseBoolean } from "../../../../lib/dockerfile/values/boolean.ts";
import { type Row, testRows } from "../../../support/rows.ts";

const BOOLEANS: readonly Row<string, boolean | undefined>[] = [
  ["3.2/10", "true", "true", true],
  ["3.2/10", "1", "1", true],
  ["3.2/10", "T", "T", true],
  ["3.2/10", "False", "False", false],
  ["3.2/10", "f", "f", false],
  ["3.2/10", "0", "0", false],
  ["3.2/10", "TrUe", "TrUe", undefined],
  ["3.2/10", "yes", "yes", undefined],
  ["3.2/10", "nothing", "", undefined],
];

testRows("parseBoolean()", BOOLEANS, parseBoolean);
