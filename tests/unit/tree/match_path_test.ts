import assert from "node:assert/strict";
import fc from "../../support/fast_check.ts";
import { bytePathOf } from "../../../lib/io/byte_path.ts";
import { compilePathPattern, hasWildcard, matchPath } from "../../../lib/tree/match_path.ts";
import { type Row, testRows } from "../../support/rows.ts";

const MATCHES: readonly Row<readonly [pattern: string, path: string], boolean>[] = [
  ["3.3/2", "literal text", ["abc", "abc"], true],
  ["3.3/2", "other text", ["abc", "abd"], false],
  ["3.3/2", "a whole path, not its start", ["ab", "abc"], false],
  ["3.3/2", "a star", ["a*c", "abbbc"], true],
  ["3.3/2", "a star for nothing", ["a*c", "ac"], true],
  ["3.3/2", "a star does not cross a slash", ["a*c", "a/c"], false],
  ["3.3/2", "a star matches hidden files", ["*", ".hidden"], true],
  ["3.3/2", "a star per component", ["*/*", "a/b"], true],
  ["3.3/2", "two stars are one", ["a**c", "abc"], true],
  ["3.3/2", "two stars do not cross a slash", ["**", "a/b"], false],
  ["3.3/2", "several stars", ["*a*b*", "xaxbx"], true],
  ["3.3/2", "several stars in vain", ["*a*b*", "xbxax"], false],
  ["3.3/2", "a question mark", ["a?c", "abc"], true],
  ["3.3/2", "a question mark for nothing", ["a?c", "ac"], false],
  ["3.3/2", "a question mark does not match a slash", ["a?c", "a/c"], false],
  ["3.3/2", "a question mark is one character, not one byte", ["a?c", bytePathOf("aéc")], true],
  ["3.3/2", "a question mark matches a byte that is no text", ["a?c", "a\xffc"], true],
  ["3.3/2", "a class", ["[abc]x", "bx"], true],
  ["3.3/2", "a class without it", ["[abc]x", "dx"], false],
  ["3.3/2", "a range", ["[a-c]x", "bx"], true],
  ["3.3/2", "a negated class", ["[^a-c]x", "dx"], true],
  ["3.3/2", "a negated class with it", ["[^a-c]x", "bx"], false],
  ["3.3/2", "an exclamation mark does not negate", ["[!a]x", "!x"], true],
  ["3.3/2", "a class of characters beyond ASCII", [bytePathOf("[à-ü]x"), bytePathOf("éx")], true],
  ["3.3/2", "an escaped dash in a class", ["[a\\-z]", "-"], true],
  ["3.3/2", "an escaped bracket in a class", ["[\\]]", "]"], true],
  ["3.3/2", "a literal bracket as class", ["[[]a]", "[a]"], true],
  ["3.3/2", "a range that ends before it starts matches nothing", ["[c-a]", "b"], false],
  ["3.3/2", "an escaped star", ["a\\*c", "a*c"], true],
  ["3.3/2", "an escaped star matches nothing else", ["a\\*c", "abc"], false],
  ["3.3/2", "an escaped letter", ["\\a", "a"], true],
  ["3.3/2", "a closing bracket alone is text", ["a]", "a]"], true],
  ["3.3/2", "signs of regular expressions are text", ["a.b+(c)|$^", "a.b+(c)|$^"], true],
  ["3.3/2", "a dot is a dot", ["a.b", "axb"], false],
  ["3.3/2", "nothing matches nothing", ["", ""], true],
  ["3.3/2", "nothing matches only nothing", ["", "a"], false],
  [
    "3.3/2",
    "a bracket that is not closed",
    ["[a", "a"],
    /Cannot match "\[a": a bracket is not closed \(a literal \[ is/,
  ],
  ["3.3/2", "a bracket alone", ["[", "a"], /a bracket is not closed/],
  ["3.3/2", "an empty class", ["[]a]", "a"], /"\]" stands in the wrong place/],
  ["3.3/2", "an empty negated class", ["[^]a]", "a"], /"\]" stands in the wrong place/],
  ["3.3/2", "a dash at the end of a class", ["[x-]", "a"], /"\]" stands in the wrong place/],
  ["3.3/2", "a dash at the start of a class", ["[-x]", "a"], /"-" stands in the wrong place/],
  ["3.3/2", "a backslash at the end", ["a\\", "a"], /it ends with a backslash/],
  ["3.3/2", "a backslash at the end of a class", ["[a\\", "a"], /a bracket is not closed/],
];

testRows("matchPath()", MATCHES, ([pattern, path]) => matchPath(pattern, path));

const WILDCARDS: readonly Row<string, boolean>[] = [
  ["3.3/1", "none", "a/b.c", false],
  ["3.3/1", "a star", "a*", true],
  ["3.3/1", "a question mark", "a?", true],
  ["3.3/1", "an opening bracket", "a[b", true],
  ["3.3/1", "a closing bracket", "a]", false],
  ["3.3/1", "an escaped star", "a\\*", false],
  ["3.3/1", "an escaped backslash and a star", "a\\\\*", true],
  ["3.3/1", "a backslash at the end", "a\\", false],
];

testRows("hasWildcard()", WILDCARDS, hasWildcard);

Deno.test("compilePathPattern() [3.3/2] takes no time for stars that make others backtrack", () => {
  const pattern = compilePathPattern(`${"a*".repeat(1000)}b`);
  const started = performance.now();
  assert.equal(pattern.matches("a".repeat(4000)), false);
  // 1 s on a quiet machine; backtracking would not end before the sun does.
  assert.ok(performance.now() - started < 60_000);
});

Deno.test("matchPath() [3.3/2] agrees with a regular expression", () => {
  const pattern = fc.stringMatching(/^(a|b|\/|\*|\?|\[ab\]|\[\^a\]){0,8}$/);
  fc.assert(
    fc.property(pattern, fc.stringMatching(/^[ab/]{0,8}$/), (glob, path) => {
      const form = new RegExp(`^${glob.replaceAll("*", "[^/]*").replaceAll("?", "[^/]")}$`);
      assert.equal(matchPath(glob, path), form.test(path));
    }),
    { numRuns: 3000 },
  );
});
