import assert from "node:assert/strict";
import { posix } from "node:path";
import fc from "../../support/fast_check.ts";
import { KilnError } from "../../../lib/errors.ts";
import { bytePathOf } from "../../../lib/io/byte_path.ts";
import { parseIgnoreFile, parseIgnoreLines } from "../../../lib/tree/ignore.ts";
import { type Row, testRows } from "../../support/rows.ts";

/** Lines, and paths; the result are the paths that are excluded. */
const EXCLUDED: readonly Row<readonly [lines: string, paths: string], string>[] = [
  ["4.2/1", "a byte order mark is dropped", ["\ufeffa", "a b"], "a"],
  ["4.2/1", "CR LF", ["a\r\nb\r\n", "a b c"], "a b"],
  ["4.2/1", "a comment", ["#a\nb", "#a a b"], "b"],
  ["4.2/1", "a # behind a blank is a pattern", [" #a", "#a a"], "#a"],
  ["4.2/1", "an escaped # is a pattern", ["\\#a", "#a a"], "#a"],
  ["4.2/1", "blanks around go", ["  a \t", "a"], "a"],
  ["4.2/1", "Unicode white space around goes", ["\u00a0a\u3000", "a"], "a"],
  ["4.2/1", "blank lines", ["\n \n\ta\n", "a"], "a"],
  ["4.2/1", "a leading slash", ["/a", "a"], "a"],
  ["4.2/1", "several leading slashes", ["//a", "a"], "a"],
  ["4.2/1", "a trailing slash", ["a/", "a a/b"], "a a/b"],
  ["4.2/1", "dots and doubled slashes", ["./a//b/../c", "a/b a/c"], "a/c"],
  ["4.2/1", "a path that leads out matches nothing", ["../a", "a"], ""],
  ["4.2/1", "a dot matches nothing", [".", "a"], ""],
  ["4.2/1", "a slash matches nothing", ["/", "a"], ""],
  ["4.2/1", "blanks behind an exclamation mark go", ["*\n!  a", "a b"], "b"],
  ["4.2/1", "a slash behind an exclamation mark goes", ["*\n!/a", "a b"], "b"],
  ["4.2/1", "an exclamation mark later is text", ["a!", "a! a"], "a!"],
  ["4.2/1", "two exclamation marks: the second is text", ["*\n!!a", "!a a"], "a"],
  ["4.2/1", "an escaped exclamation mark is text", ["\\!a", "!a a"], "!a"],
  ["4.2/1", "blanks inside are text", ["a  b\na c", "a"], ""],
  [
    "4.2/2",
    "an exclamation mark alone",
    ["a\n!", "a"],
    /Cannot read line 2 of "f": there is no pattern behind the "!"/,
  ],
  ["4.2/2", "an exclamation mark and blanks", ["! ", "a"], /there is no pattern/],
  ["4.2/2", "a bracket that is not closed", ["a[", "a"], /a bracket is not closed/],
  ["4.2/2", "an empty class", ["[]a]", "a"], /stands in the wrong place/],
  ["4.2/2", "a dash at the end of a class", ["[x-]", "a"], /stands in the wrong place/],
  ["4.2/2", "a backslash at the end", ["a\\", "a"], /it ends with a backslash/],
  ["4.2/2", "a range that goes down", ["[b-a]", "a"], /a range in brackets ends before it starts/],
  ["4.2/2", "a line that is too long", ["a".repeat(65_536), "a"], /65536 bytes, 65535 at most/],
  ["4.3/1", "anchored at the root", ["a", "a b/a"], "a"],
  ["4.3/1", "a path", ["a/b", "a a/b a/c b"], "a/b"],
  ["4.3/1", "what is below an excluded directory", ["a", "a/b a/b/c b/a"], "a/b a/b/c"],
  ["4.3/1", "the last match decides", ["a\n!a\na", "a"], "a"],
  ["4.3/1", "an exception behind", ["*.md\n!README.md", "README.md x.md"], "x.md"],
  ["4.3/1", "an exception in front does nothing", ["!README.md\n*.md", "README.md"], "README.md"],
  [
    "4.3/1",
    "an exception and a pattern behind it",
    ["*.md\n!README*.md\nREADME-x.md", "README.md README-x.md a.md"],
    "README-x.md a.md",
  ],
  ["4.3/1", "case matters", ["A", "a A"], "A"],
  ["4.3/1", "a name, not its start", ["a", "ab a.b"], ""],
  ["4.3/1", "no patterns", ["", "a"], ""],
  ["4.3/2", "a star", ["a*c", "ac abc a/c abbc/d"], "ac abc abbc/d"],
  ["4.3/2", "a star matches hidden files", ["*", ".a b"], ".a b"],
  ["4.3/2", "a suffix", ["*.txt", "a.txt .txt a.txt.b b/a.txt"], "a.txt .txt"],
  ["4.3/2", "a prefix", ["a*", "a ab b a/c"], "a ab a/c"],
  ["4.3/2", "a star in each component", ["*/*.txt", "a/b.txt b.txt a/b/c.txt"], "a/b.txt"],
  ["4.3/2", "a question mark", ["a?", "ab a abc a/b"], "ab"],
  ["4.3/2", "a question mark is a character", ["a?", "aé a€ a\u{1f600}"], "aé a€ a\u{1f600}"],
  ["4.3/2", "a class", ["[a-c]x", "bx dx"], "bx"],
  ["4.3/2", "a negated class", ["[^a-c]x", "bx dx"], "dx"],
  ["4.3/2", "an escaped star", ["a\\*", "a* ab"], "a*"],
  [
    "4.3/2",
    "an escaped letter is what regular expressions make of it",
    ["\\d\\W\\t\\x41\\101", "1-\tAA a-\tAA"],
    "1-\tAA",
  ],
  ["4.3/2", "an escaped letter that means nothing", ["a\n\\y", "a"], /Cannot read line 2 of "f": "\\y" means nothing/],
  ["4.3/2", "a class with a name", ["[[:upper:]_]*[^[:^digit:]]", "A1 _2 a1 Ab"], "A1 _2"],
  ["4.3/2", "a class with a name that is none", ["[[:nope:]]", "a"], /there is no class "\[:nope:\]"/],
  ["4.3/2", "a class with a letter", ["[\\d\\-]x", "1x -x ax"], "1x -x"],
  ["4.3/2", "a caret is the start where there are wildcards", ["^a*\n**/^b*", "ab ^ab c/b b"], "ab b"],
  ["4.3/2", "a caret later matches nothing where there are wildcards", ["a^b*", "a^b ab"], ""],
  ["4.3/2", "a caret is text where there are none", ["^a\n**/^b\n^c/**", "^a a x/^b ^c/d"], "^a x/^b ^c/d"],
  ["4.3/2", "an escaped blank", ["a\\ b", "a"], ""],
  [
    "4.3/2",
    "signs of regular expressions",
    ["a.+b\n(x)|{y}\n$z\n^w", "a.+b axxb (x)|{y} x $z ^w w"],
    "a.+b (x)|{y} $z ^w",
  ],
  ["4.3/2", "names beyond ASCII", ["é/ü*", "é/ü é/üx e/ü"], "é/ü é/üx"],
  ["4.3/3", "**/x anywhere", ["**/x", "x a/x a/b/x xa a/xb"], "x a/x a/b/x"],
  ["4.3/3", "**/x with a star", ["**/*.o", "a.o b/a.o b/c/a.o a.oo"], "a.o b/a.o b/c/a.o"],
  ["4.3/3", "a/** is not a itself", ["a/**", "a a/b a/b/c ab"], "a/b a/b/c"],
  ["4.3/3", "** is everything", ["**", "a a/b"], "a a/b"],
  ["4.3/3", "**/ is everything", ["**/", "a a/b"], "a a/b"],
  ["4.3/3", "**/** is everything", ["**/**", "a a/b"], "a a/b"],
  ["4.3/3", "in the middle", ["a/**/b", "a/b a/x/b a/x/y/b a b x/a/b"], "a/b a/x/b a/x/y/b"],
  ["4.3/3", "at both ends", ["**/a/**", "a a/b x/a x/a/b"], "a/b x/a/b"],
  ["4.3/3", "twice in the middle", ["a/**/b/**/c", "a/b/c a/x/b/y/c a/c b/c"], "a/b/c a/x/b/y/c"],
  [
    "4.3/3",
    "behind text it spans directories",
    ["a**/*.txt", "a.txt ab/c.txt a/c.txt abc/d/e.txt b/c.txt"],
    "a.txt ab/c.txt a/c.txt abc/d/e.txt",
  ],
  ["4.3/3", "behind text at the end", ["a**", "a ab a/b b"], "a ab a/b"],
  ["4.3/3", "**file is a suffix", ["**file", "file myfile a/file a/myfile file2"], "file myfile a/file a/myfile"],
  [
    "4.3/3",
    "**file with a wildcard covers directories only",
    ["**file*", "file file2 myfile a/file"],
    "file file2 a/file",
  ],
  ["4.3/3", "three stars", ["***", "a a/b"], "a a/b"],
  [
    "4.3/4",
    "a directory that matches takes its contents",
    ["a/*.txt", "a/b.txt a/b.txt/c a/b/c.txt"],
    "a/b.txt a/b.txt/c",
  ],
  ["4.3/4", "a star takes everything below", ["*", "a a/b a/b/c"], "a a/b a/b/c"],
  ["4.3/5", "the root is never excluded", ["**\n.", ". ./"], ""],
  [
    "4.3/6",
    "a file in an excluded directory comes back",
    ["docs\n!docs/README.md", "docs/README.md docs/a docs"],
    "docs/a docs",
  ],
  ["4.3/6", "a directory in an excluded one comes back", ["docs\n!docs/a", "docs/a docs/a/b docs/c"], "docs/c"],
  ["4.3/6", "all but one", ["*\n!a/b.txt", "a/b.txt a/c x"], "a/c x"],
  ["4.3/6", "and out again", ["a\n!a/b\na/b/c", "a/b a/b/c a/b/d a/e"], "a/b/c a/e"],
  ["4.3/6", "with wildcards", ["**\n!**/*.go\n**/*_test.go", "a.go b/a.go b/a_test.go c"], "b/a_test.go c"],
  [
    "4.3/7",
    "a pattern that matched the directory is carried",
    ["a\n!a/*.txt", "a/b.txt a/b/c.txt a/b/c"],
    "a/b/c.txt a/b/c",
  ],
  ["4.3/7", "an exception that matched the directory is carried", ["*\n!a", "a/b a/b/c b"], "b"],
  ["4.3/7", "a pattern that could change nothing is not carried", ["a\n!a/b\na", "a/b a/c a"], "a/c a"],
  ["4.3/7", "an exception for a parent brings nothing back", ["a/b\n!a", "a/b a/b/c a/d"], "a/b a/b/c"],
  ["4.3/7", "two exceptions", ["*\n!a\n!a/b", "a/b a/c c"], "c"],
  ["4.3/8", "exact", ["a/b.c", "a/b.c a/bxc"], "a/b.c"],
  ["4.3/8", "prefix", ["a.b/**", "a.b/c axb/c a.b"], "a.b/c"],
  ["4.3/8", "suffix", ["**/a.b", "a.b x/a.b x/axb xa.b"], "a.b x/a.b"],
];

testRows("IgnoreRules.excludes()", EXCLUDED, ([lines, paths]) => {
  const rules = parseIgnoreFile(new TextEncoder().encode(lines), "f");
  return paths.split(" ").filter((path) => rules.excludes(bytePathOf(path))).join(" ");
});

Deno.test("parseIgnoreFile() [4.2/2] locates a bad line", () => {
  assert.throws(() => parseIgnoreLines(["a", "", "["], "sub/.dockerignore"), (error: KilnError) => {
    assert.equal(error.kind, "context");
    assert.deepEqual(error.range, { file: "sub/.dockerignore", startLine: 3, endLine: 3 });
    return true;
  });
});

Deno.test("IgnoreRules.excludes() [4.3/2] matches names that are not UTF-8", () => {
  const rules = parseIgnoreFile(new Uint8Array([0x61, 0xff, 0x2a]), "f");
  assert.deepEqual(["a\xffb", "a\xfe", "a"].map((path) => rules.excludes(path)), [true, false, false]);
});

/** Lines, and directories; the result are those that may be left out. */
const PRUNED: readonly Row<readonly [lines: string, directories: string], string>[] = [
  ["4.3/6", "an excluded directory without exceptions", ["a", "a b"], "a"],
  ["4.3/6", "a directory below it", ["a", "a/b"], "a/b"],
  ["4.3/6", "one that is not excluded", ["a/*", "a"], ""],
  ["4.3/6", "an exception below", ["a\n!a/b", "a"], ""],
  ["4.3/6", "an exception deeper below", ["a\n!a/b/c", "a a/b a/x"], "a/x"],
  ["4.3/6", "an exception elsewhere", ["a\nb\n!b/c", "a b"], "a"],
  ["4.3/6", "an exception in front", ["!a/b\na", "a"], "a"],
  ["4.3/6", "an exception anywhere", ["a\n!**/x", "a a/b"], ""],
  ["4.3/6", "an exception with wildcard", ["a\nb\n!a*/x", "a b"], "b"],
  ["4.3/6", "an exception that is no component pattern", ["a\n!b**c", "a"], ""],
  ["4.3/6", "an exception undone", ["*\n!a\n!a/b\na", "a b"], "a b"],
  ["4.3/6", "a pattern that could change nothing undoes no exception", ["*\n!a/b\na", "a b"], "b"],
  ["4.3/6", "everything below an exception", ["*\n!a/**", "a b"], "b"],
];

testRows("IgnoreRules.prunes()", PRUNED, ([lines, directories]) => {
  const rules = parseIgnoreLines(lines.split("\n"));
  return directories.split(" ").filter((path) => rules.prunes(path)).join(" ");
});

Deno.test("IgnoredDirectory [4.3/7] walks as excludes() looks up", () => {
  const rules = parseIgnoreLines(["a", "!a/b", "a/b/c", "!**/keep"]);
  const b = rules.root.enter("a").enter("b");
  assert.deepEqual([b.isExcluded, b.excludes("c"), b.excludes("keep"), b.enter("c").excludes("x")], [
    false,
    true,
    false,
    true,
  ]);
  assert.deepEqual(["a/b", "a/b/c", "a/b/keep", "a/b/c/x"].map((path) => rules.excludes(path)), [
    false,
    true,
    false,
    true,
  ]);
});

Deno.test("IgnoreRules [4.3/6] tells whether there are exceptions", () => {
  assert.deepEqual([parseIgnoreLines(["a"]).hasExceptions, parseIgnoreLines(["a", "!b"]).hasExceptions], [false, true]);
});

// Mutation: without the set of states seen (lib/tree/glob.ts) the states outgrow the memory after half a minute.
Deno.test("IgnoreRules S43: **/ and * 200 times take linear time", () => {
  const rules = parseIgnoreLines([`${"**/a/".repeat(200)}x`, `${"**/".repeat(200)}y`, `**${"*a".repeat(200)}z`]);
  const started = performance.now();
  for (let at = 0; at < 20; at++) {
    assert.equal(rules.excludes(`${"a/".repeat(500)}file${at}`), false);
    assert.equal(rules.excludes(`${"a".repeat(300)}${at}`), false);
  }
  assert.ok(performance.now() - started < 5_000);
});

Deno.test("IgnoreRules S43: 20,000 patterns with exceptions against 20,000 files take linear time", () => {
  const lines = Array.from({ length: 20_000 }, (_, at) => at % 2 === 0 ? `dir${at}/**/x*` : `!**/*.keep${at}`);
  const rules = parseIgnoreLines(lines);
  const started = performance.now();
  let excluded = 0;
  for (let at = 0; at < 20_000; at++) {
    if (rules.excludes(`dir${at - at % 20}/sub/x${at}.keep${at}`)) excluded++;
  }
  assert.equal(excluded, 10_000);
  assert.ok(performance.now() - started < 20_000);
});

Deno.test("IgnoreRules S43: patterns that undo each other take linear time", () => {
  const rules = parseIgnoreLines(Array.from({ length: 10_000 }, (_, at) => at % 2 === 0 ? "*" : "!*"));
  const started = performance.now();
  for (let at = 0; at < 1_000; at++) assert.equal(rules.excludes(`dir${at}/file`), false);
  assert.ok(performance.now() - started < 10_000);
});

const LINE = fc.stringMatching(/^!?\/?(a|b|c|\/|\*|\*\*\/|\/\*\*|\?|\[ab\]|\.){0,6}$/);
const PATH = fc.array(fc.constantFrom("a", "b", "c", "ab", "."), { minLength: 1, maxLength: 4 })
  .map((parts) => parts.filter((part) => part !== ".").join("/"));

Deno.test("IgnoreRules agrees with a naive model", () => {
  fc.assert(
    fc.property(fc.array(LINE, { maxLength: 6 }), PATH, (lines, path) => {
      fc.pre(path !== "" && lines.every(isPattern));
      assert.equal(parseIgnoreLines(lines).excludes(path), naiveExcludes(lines, path));
    }),
    { numRuns: 5000 },
  );
});

Deno.test("IgnoreRules.prunes() never hides a path that is not excluded", () => {
  fc.assert(
    fc.property(fc.array(LINE, { maxLength: 6 }), PATH, (lines, path) => {
      fc.pre(path.includes("/") && lines.every(isPattern));
      const rules = parseIgnoreLines(lines);
      if (rules.prunes(posix.dirname(path))) assert.equal(rules.excludes(path), true);
    }),
    { numRuns: 3000 },
  );
});

Deno.test("parseIgnoreFile() throws nothing but KilnErrors on random bytes", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), fc.string({ unit: "binary", maxLength: 10 }), (bytes, path) => {
      try {
        parseIgnoreFile(bytes, "f").excludes(bytePathOf(path));
      } catch (error) {
        assert.ok(error instanceof KilnError, String(error));
      }
    }),
    { numRuns: 2000 },
  );
});

/** An exclamation mark without a pattern is an error. */
function isPattern(line: string): boolean {
  return !line.startsWith("!") || (line !== "!" && posix.normalize(line.slice(1)) !== "/");
}

/** One regular expression per pattern, tried on every directory on the way, each carrying what matched so far. */
function naiveExcludes(lines: readonly string[], path: string): boolean {
  const patterns = lines.filter((line) => line !== "").map((line) => {
    const isException = line.startsWith("!");
    const clean = posix.normalize(line.replace("!", "")).replace(/^\//, "").replace(/\/$/, "");
    return { isException, form: naiveForm(clean) };
  });
  const parts = path.split("/");
  let carried = patterns.map(() => false);
  let excluded = false;
  for (const depth of parts.keys()) {
    const part = parts.slice(0, depth + 1).join("/");
    excluded = false;
    carried = patterns.map(({ isException, form }, at) => {
      const matched = carried[at] || (isException === excluded && form.test(part));
      if (matched) excluded = !isException;
      return matched === true;
    });
  }
  return excluded;
}

function naiveForm(pattern: string): RegExp {
  // "**name" without another wildcard is a suffix.
  if (/^\*\*[^*?[\]\\/][^*?[\]\\]*$/.test(pattern)) return new RegExp(`${RegExp.escape(pattern.slice(2))}$`);
  const form = pattern.replaceAll(/\*\*\/?$|\*\*\/?|\*|\?|\[[^\]]*\]|[^*?[]/g, (token, offset: number) => {
    if (token.startsWith("**")) return offset + token.length === pattern.length ? ".*" : "(.*/)?";
    if (token === "*") return "[^/]*";
    if (token === "?") return "[^/]";
    return token.startsWith("[") ? token : RegExp.escape(token);
  });
  return new RegExp(`^${form}$`, "s");
}
