import { formatExcerpt } from "../../../lib/dockerfile/excerpt.ts";
import { type Row, testRows } from "../../support/rows.ts";

const TEXT = Array.from({ length: 12 }, (_, at) => `line ${at + 1}`).join("\n");

const RULE = "--------------------";

interface Place {
  readonly text?: string;
  readonly ranges: readonly (readonly [number, number])[];
}

const EXCERPTS: readonly Row<Place, readonly string[]>[] = [
  ["1.9/3", "four lines around one", { ranges: [[5, 5]] }, [
    "Dockerfile:5",
    RULE,
    "   3 |     line 3",
    "   4 |     line 4",
    "   5 | >>> line 5",
    "   6 |     line 6",
    "   7 |     line 7",
    RULE,
  ]],
  ["1.9/3", "two lines around several", { ranges: [[9, 10]] }, [
    "Dockerfile:9",
    RULE,
    "   8 |     line 8",
    "   9 | >>> line 9",
    "  10 | >>> line 10",
    "  11 |     line 11",
    RULE,
  ]],
  ["1.9/3", "at the start only lines behind", { ranges: [[1, 1]] }, [
    "Dockerfile:1",
    RULE,
    "   1 | >>> line 1",
    "   2 |     line 2",
    "   3 |     line 3",
    RULE,
  ]],
  ["1.9/3", "at the end only lines in front", { ranges: [[12, 12]] }, [
    "Dockerfile:12",
    RULE,
    "  10 |     line 10",
    "  11 |     line 11",
    "  12 | >>> line 12",
    RULE,
  ]],
  ["1.9/3", "two ranges", { ranges: [[4, 4], [2, 2]] }, [
    "Dockerfile:2",
    RULE,
    "   1 |     line 1",
    "   2 | >>> line 2",
    "   3 |     line 3",
    "   4 | >>> line 4",
    "   5 |     line 5",
    RULE,
  ]],
  ["1.9/3", "a file of one line", { text: "RUN x\n", ranges: [[1, 1]] }, [
    "Dockerfile:1",
    RULE,
    "   1 | >>> RUN x",
    RULE,
  ]],
  ["1.9/3", "CR LF and blank lines", { text: "a\r\n\r\nb\r\n", ranges: [[3, 3]] }, [
    "Dockerfile:3",
    RULE,
    "   1 |     a",
    "   2 |",
    "   3 | >>> b",
    RULE,
  ]],
  ["1.9/3", "control characters are escaped", { text: "RUN \x1b[31mred\x07", ranges: [[1, 1]] }, [
    "Dockerfile:1",
    RULE,
    "   1 | >>> RUN \\x1b[31mred\\x07",
    RULE,
  ]],
  ["1.9/3", "a range beyond the end is cut", { text: "a\nb", ranges: [[2, 9]] }, [
    "Dockerfile:2",
    RULE,
    "   1 |     a",
    "   2 | >>> b",
    RULE,
  ]],
  ["1.9/3", "a range outside the text shows nothing", { text: "a", ranges: [[5, 5]] }, []],
  ["1.9/3", "no range shows nothing", { ranges: [] }, []],
];

testRows("formatExcerpt()", EXCERPTS, ({ text = TEXT, ranges }) => {
  const located = ranges.map(([startLine, endLine]) => ({ file: "Dockerfile", startLine, endLine }));
  const excerpt = formatExcerpt(text, located);
  return excerpt === "" ? [] : excerpt.trimEnd().split("\n");
});
