import { didYouMean, suggest } from "../../../lib/dockerfile/suggest.ts";
import { type Row, testRows } from "../../support/rows.ts";

const WORDS: readonly Row<readonly [string, ...string[]], string | undefined>[] = [
  ["1.9/4", "one letter more", ["runn", "run", "copy"], "run"],
  ["1.9/4", "one letter less", ["cpy", "run", "copy"], "copy"],
  ["1.9/4", "two letters swapped are two changes", ["form", "from"], "from"],
  ["1.9/4", "three changes are too many", ["abc", "xyz"], undefined],
  ["1.9/4", "the nearest wins", ["copx", "cow", "copy"], "copy"],
  ["1.9/4", "the first of equals wins", ["ab", "ac", "ad"], "ac"],
  ["1.9/4", "letters in another order are nearer than other letters", ["rnu", "env", "run"], "run"],
  ["1.9/4", "an exact match suppresses the hint", ["run", "rung", "run"], undefined],
  ["1.9/4", "nothing to choose from", ["run"], undefined],
  ["1.9/4", "a short word is near to short ones", ["a", "bc"], "bc"],
  ["1.9/4", "case counts", ["RUN", "run"], undefined],
  ["1.9/4", "characters count, not code units", ["\u{1f600}\u{1f600}x", "x"], "x"],
  ["1.9/4", "very long words get no hint", ["x".repeat(500), "x".repeat(499)], undefined],
];

testRows("suggest()", WORDS, ([typed, ...candidates]) => suggest(typed, candidates));

const ANY_CASE: readonly Row<string, string | undefined>[] = [
  ["1.9/4", "upper case gives upper case", "RNU", "RUN"],
  ["1.9/4", "lower case gives lower case", "rnu", "run"],
  ["1.9/4", "mixed case gives lower case", "Rnu", "run"],
  ["1.9/4", "an exact match in other case suppresses the hint", "Run", undefined],
];

testRows("suggest() ignoring case", ANY_CASE, (typed) => suggest(typed, ["RUN", "COPY"], { ignoreCase: true }));

const HINTS: readonly Row<string, unknown>[] = [
  ["1.9/4", "a near word makes a hint", "runn", { hint: "did you mean run?" }],
  ["1.9/4", "no near word makes none", "hello", {}],
];

testRows("didYouMean()", HINTS, (typed) => didYouMean(typed, ["run"]));
