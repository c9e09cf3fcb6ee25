import assert from "node:assert/strict";
import fc from "../../support/fast_check.ts";
import { expandBody, expandWord, expandWords, MAX_WORD_LENGTH } from "../../../lib/dockerfile/expand_word.ts";
import { KilnError } from "../../../lib/errors.ts";
import { type Row, testRows } from "../../support/rows.ts";

const VARIABLES: ReadonlyMap<string, string> = new Map([
  ["name", "value"],
  ["empty", ""],
  ["path", "/usr/local/bin/x.tar.gz"],
  ["words", "a  b"],
  ["star", "*"],
  ["slash", "/"],
  ["quote", "it's"],
  ["dollar", "$name"],
  ["digits1", "one"],
  ["größe", "XL"],
  ["_", "underscore"],
  ["back", "a\\b"],
  ["emoji", "x\u{1f600}y"],
  ["lines", "a\nb"],
]);

const variable = (name: string): string | undefined => VARIABLES.get(name);

const BACKSLASH: readonly Row<string, string>[] = [
  ["2.2/1", "plain text", "abc", "abc"],
  ["2.2/1", "nothing", "", ""],
  ["2.2/1", "blanks stay", " a  b ", " a  b "],
  ["2.2/1", "an escape goes, the next character is literal", "a\\bc", "abc"],
  ["2.2/1", "an escaped escape", "a\\\\b", "a\\b"],
  ["2.2/1", "an escaped blank", "a\\ b", "a b"],
  ["2.2/1", "an escaped dollar", "\\$name", "$name"],
  ["2.2/1", "an escaped dollar and braces", "\\${name}", "${name}"],
  ["2.2/1", "an escaped escape in front of a variable", "\\\\$name", "\\value"],
  ["2.2/1", "an escaped quote", "it\\'s", "it's"],
  ["2.2/1", "an escape at the end is dropped", "a\\", "a"],
  ["2.2/1", "an escape and nothing else", "\\", ""],
  ["2.2/1", "an escaped emoji", "\\\u{1f600}", "\u{1f600}"],
  ["2.2/1", "single quotes go", "'a b'", "a b"],
  ["2.2/1", "quotes inside a word go", "a'b'c", "abc"],
  ["2.2/1", "empty quotes", "''\"\"", ""],
  ["2.2/1", "variables are literal in single quotes", "'$name'", "$name"],
  ["2.2/1", "escapes are literal in single quotes", "'a\\b\\'", "a\\b\\"],
  ["2.2/1", "double quotes are literal in single quotes", "'\"'", '"'],
  ["2.2/1", "a single quote that is not closed", "'abc", /a single quote is not closed/],
  ["2.2/1", "an escape does not hide a single quote inside", "'it\\'s'", /a single quote is not closed/],
  ["2.2/1", "double quotes go", '"a b"', "a b"],
  ["2.2/1", "variables are expanded in double quotes", '"$name"', "value"],
  ["2.2/1", "single quotes are literal in double quotes", "\"'$name'\"", "'value'"],
  ["2.2/1", "an escape stays in double quotes", '"a\\b"', "a\\b"],
  ["2.2/1", "an escape goes in front of a double quote", '"a\\"b"', 'a"b'],
  ["2.2/1", "an escape goes in front of a dollar in double quotes", '"\\$name"', "$name"],
  ["2.2/1", "an escape goes in front of itself in double quotes", '"a\\\\b"', "a\\b"],
  ["2.2/1", "a double quote that is not closed", '"abc', /a double quote is not closed/],
  ["2.2/1", "an escape hides the closing quote", '"abc\\"', /a double quote is not closed/],
  ["2.2/1", "an escape at the end of open double quotes", '"abc\\', /a double quote is not closed/],
  ["2.2/1", "a byte order mark in front is dropped", "\ufeffabc", "abc"],
  ["2.2/1", "a backtick is text", "a`b", "a`b"],
  ["2.2/1", "less-than signs are text", "a<b << c <<<d", "a<b << c <<<d"],
  ["2.2/2", "a variable", "$name", "value"],
  ["2.2/2", "text around", "a-$name-b", "a-value-b"],
  ["2.2/2", "a name ends at other characters", "$name.x", "value.x"],
  ["2.2/2", "a name takes digits", "$digits1", "one"],
  ["2.2/2", "a name takes Unicode letters", "$größe", "XL"],
  ["2.2/2", "an underscore is a name", "$_", "underscore"],
  ["2.2/2", "an unset variable is empty", "a$unset.b", "a.b"],
  ["2.2/2", "the longest name counts", "$names", ""],
  ["2.2/2", "case matters", "$NAME", ""],
  ["2.2/4", "names are compared as on Linux, where this runs", "${Name-unset}", "unset"],
  ["2.2/2", "a value is not expanded again", "$dollar", "$name"],
  ["2.2/2", "quotes in a value are text", "$quote", "it's"],
  ["2.2/2", "blanks in a value stay", "$words", "a  b"],
  ["2.2/2", "a line feed in a value stays", "$lines", "a\nb"],
  ["2.2/2", "two variables", "$name$name", "valuevalue"],
  ["2.2/2", "a positional parameter is empty", "a$1b", "ab"],
  ["2.2/2", "a positional parameter takes all digits", "$999aaa", "aaa"],
  ["2.2/2", "a positional parameter ends at a letter", "$1name", "name"],
  ["2.2/2", "Unicode digits are digits", "$\u0661\u0662a", "a"],
  ["2.2/2", "$@ is empty", "a$@b", "ab"],
  ["2.2/2", "$* is empty", "a$*b", "ab"],
  ["2.2/2", "$# is empty", "a$#b", "ab"],
  ["2.2/2", "$? is empty", "a$?b", "ab"],
  ["2.2/2", "$- is empty", "a$-b", "ab"],
  ["2.2/2", "$$ is empty", "a$$b", "ab"],
  ["2.2/2", "$! is empty", "a$!b", "ab"],
  ["2.2/2", "$0 is empty", "a$0b", "ab"],
  ["2.2/2", "a dollar in front of other characters is text", "a$.b", "a$.b"],
  ["2.2/2", "a dollar at the end is text", "a$", "a$"],
  ["2.2/2", "a dollar in front of a quote is text", '$"a"', "$a"],
  ["2.2/2", "a dollar in front of a blank is text", "$ name", "$ name"],
  ["2.2/3", "braces", "${name}", "value"],
  ["2.2/3", "braces end the name", "${name}s", "values"],
  ["2.2/3", "an unset variable in braces", "a${unset}b", "ab"],
  ["2.2/3", "a special parameter in braces", "a${@}b", "ab"],
  ["2.2/3", "a positional parameter in braces", "a${12}b", "ab"],
  ["2.2/3", "empty braces", "${}", /"\$\{\}" is not a substitution/],
  ["2.2/3", "a colon first", "${:-a}", /"\$\{:" is not a substitution/],
  ["2.2/3", "a brace first", "${{name}}", /"\$\{\{" is not a substitution/],
  ["2.2/3", "no closing brace", "${name", /a "\}" is missing/],
  ["2.2/3", "nothing behind the brace", "${", /a "\}" is missing/],
  ["2.2/3", "no closing brace behind an operator", "${name:-a", /it ends where "\}" is missing/],
  ["2.2/3", "an operator and nothing", "${name:", /a "\}" is missing/],
  ["2.2/3", "= is no operator", "${name=a}", /"=" is not an operator in "\$\{name="/],
  ["2.2/3", ":= is no operator", "${name:=a}", /":=" is not an operator/],
  ["2.2/3", "a colon and a letter", "${name:x}", /":x" is not an operator/],
  ["2.2/3", "a colon and a digit", "${name:1:2}", /":1" is not an operator/],
  ["2.2/3", "a dot is no operator", "${name.x}", /"\." is not an operator/],
  ["2.2/3", "a dot is no name", "${.}", /"\." is not an operator/],
  ["2.2/3", "a blank is no operator", "${name }", /" " is not an operator/],
  ["2.2/3", ":# is no operator", "${name:#v}", /":#" is not an operator/],
  ["2.2/3", ":% is no operator", "${name:%v}", /":%" is not an operator/],
  ["2.2/3", "^ is no operator", "${name^}", /"\^" is not an operator/],
  ["2.2/3", "an escaped brace does not close", "${name:-a\\}", /it ends where "\}" is missing/],
  ["2.2", ":- with a value", "${name:-x}", "value"],
  ["2.2", ":- with an empty value", "${empty:-x}", "x"],
  ["2.2", ":- without a value", "${unset:-x}", "x"],
  ["2.2", ":- with an empty word", "${unset:-}", ""],
  ["2.2", "- with an empty value", "${empty-x}", ""],
  ["2.2", "- without a value", "${unset-x}", "x"],
  ["2.2", ":+ with a value", "${name:+x}", "x"],
  ["2.2", ":+ with an empty value", "${empty:+x}", ""],
  ["2.2", ":+ without a value", "${unset:+x}", ""],
  ["2.2", "+ with an empty value", "${empty+x}", "x"],
  ["2.2", "+ without a value", "${unset+x}", ""],
  ["2.2", ":? with a value", "${name:?x}", "value"],
  ["2.2", ":? with an empty value", "${empty:?no value}", /: empty: no value$/],
  ["2.2", ":? without a value", "${unset:?no value}", /: unset: no value$/],
  ["2.2", ":? without a text, empty", "${empty:?}", /empty: is not allowed to be empty/],
  ["2.2", ":? without a text, unset", "${unset:?}", /unset: is not allowed to be unset/],
  ["2.2", "? with an empty value", "${empty?x}", ""],
  ["2.2", "? without a value", "${unset?x y}", /unset: x y/],
  ["2.2", "? expands its text", "${unset?needs $name}", /unset: needs value/],
  ["2.2", "# drops the shortest prefix", "${path#*/}", "usr/local/bin/x.tar.gz"],
  ["2.2", "## drops the longest prefix", "${path##*/}", "x.tar.gz"],
  ["2.2", "% drops the shortest suffix", "${path%.*}", "/usr/local/bin/x.tar"],
  ["2.2", "%% drops the longest suffix", "${path%%.*}", "/usr/local/bin/x"],
  ["2.2", "# with literal text", "${name#va}", "lue"],
  ["2.2", "# that does not match", "${name#x}", "value"],
  ["2.2", "# matches at the start only", "${name#alue}", "value"],
  ["2.2", "% matches at the end only", "${name%valu}", "value"],
  ["2.2", "# with the whole value", "${name##*}", ""],
  ["2.2", "# shortest of a star is nothing", "${name#*}", "value"],
  ["2.2", "% shortest of a star is nothing", "${name%*}", "value"],
  ["2.2", "%% with the whole value", "${name%%*}", ""],
  ["2.2", "# with question marks", "${name#??}", "lue"],
  ["2.2", "% with question marks", "${name%??}", "val"],
  ["2.2", "# with more question marks than characters", "${name#??????}", "value"],
  ["2.2", "# on an unset variable", "${unset#a}", ""],
  ["2.2", "# with several stars, shortest", "${path#*/*/}", "local/bin/x.tar.gz"],
  ["2.2", "## with several stars", "${path##*/*.}", "gz"],
  ["2.2", "% with several stars", "${path%/*.*}", "/usr/local/bin"],
  ["2.2", "%% with several stars", "${path%%/*.*}", ""],
  ["2.2", "/ replaces the first", "${path/\\//:}", ":usr/local/bin/x.tar.gz"],
  ["2.2", "// replaces all", "${path//\\//:}", ":usr:local:bin:x.tar.gz"],
  ["2.2", "/ with an empty replacement", "${name/a/}", "vlue"],
  ["2.2", "/ that does not match", "${name/x/y}", "value"],
  ["2.2", "/ takes the longest match", "${path/l*a/_}", "/usr/_r.gz"],
  ["2.2", "/ with a question mark", "${name/a?/_}", "v_ue"],
  ["2.2", "// with a question mark", "${path//?r/_}", "/u_/local/bin/x.t_.gz"],
  ["2.2", "/ on an unset variable", "${unset/a/b}", ""],
  ["2.2/5", "a nested variable as default", "${unset:-$name}", "value"],
  ["2.2/5", "nested braces", "${unset:-${unset:-${name}}}", "value"],
  ["2.2/5", "quotes in a word go", "${unset:-'a b'\"c\"}", "a bc"],
  ["2.2/5", "a brace in quotes does not close", "${unset:-'}'}", "}"],
  ["2.2/5", "an escaped brace in a word", "${unset:-a\\}b}", "a}b"],
  ["2.2/5", "an escape in a word goes", "${unset:-a\\bc}", "abc"],
  ["2.2/5", "a nested variable as alternative", "${name:+<$name>}", "<value>"],
  ["2.2/5", "the default is evaluated also when it is not used", "${name:-${unset:?no}}", /unset: no/],
  ["2.2/5", "inside double quotes", '"${unset:-$name}"', "value"],
  ["2.2/5", "a nested pattern", "${path##*${slash}}", "x.tar.gz"],
  ["2.2/5", "the first sign of a pattern may come from a variable", "${name#${unset:-#*l}}", "ue"],
  ["2.2/6", "a star crosses slashes", "${path#*bin}", "/x.tar.gz"],
  ["2.2/6", "a star crosses line feeds", "${lines#*b}", ""],
  ["2.2/6", "a question mark is one character, an emoji too", "${emoji#x?}", "y"],
  ["2.2/6", "a question mark from the end, an emoji too", "${emoji%?y}", "x"],
  ["2.2/6", "an escaped star is literal", "${star#\\*}", ""],
  ["2.2/6", "an escaped star matches nothing else", "${name#\\*}", "value"],
  ["2.2/6", "an escaped question mark is literal", "${name#\\?}", "value"],
  ["2.2/6", "an escaped backslash is literal", "${back#a\\\\}", "b"],
  ["2.2/6", "an escaped brace", "${name#\\}}", "value"],
  ["2.2/6", "an escaped slash", "${path/\\/usr/}", "/local/bin/x.tar.gz"],
  ["2.2/6", "any other escape is an error", "${name#\\v}", /the pattern "\\v" has the unknown escape "\\v"/],
  ["2.2/6", "brackets are no class", "${name#[v]}", "value"],
  ["2.2/6", "signs of regular expressions are text", "${path%.}", "/usr/local/bin/x.tar.gz"],
  ["2.2/6", "a quoted star is still a star", "${name#'*'l}", "ue"],
  ["2.2/7", "the second slash is required", "${name/a}", /it ends where "\/" is missing/],
  ["2.2/7", "also with two slashes", "${name//a}", /it ends where "\/" is missing/],
  ["2.2/7", "the closing brace is required", "${name/a/b", /it ends where "\}" is missing/],
  ["2.2/7", "a slash in a variable is part of the pattern", "${path/${slash}usr/}", "/local/bin/x.tar.gz"],
  ["2.2/7", "a slash in a variable is part of the replacement", "${name/a/$slash}", "v/lue"],
  ["2.2/7", "a slash in the replacement is text", "${name/a/x/y}", "vx/ylue"],
  ["2.2/7", "a star in a variable is a star", "${name/l$star/}", "va"],
  ["2.2/8", "a dollar from a variable is text where one match is replaced", "${name/a/$dollar}", "v$namelue"],
  ["2.2/8", "where all are it begins the name of a group, and there is none", "${name//a/$dollar}", "vlue"],
  ["2.2/8", "group 0 is what matched", "${name//[al]/x}${name//?u/<\\$0>}", "valueva<\\lu>e"],
  ["2.2/8", "an escape in the replacement stays", "${name/a/\\}}", "v\\}lue"],
  ["2.2/9", "an empty pattern matches in front", "${name/$empty/-}", "-value"],
  ["2.2/9", "an empty pattern, all matches", "${name///-}", "-v-a-l-u-e-"],
  ["2.2/9", "a star matches once", "${name//*/-}", "-"],
  ["2.2/9", "a star on an empty value", "${empty//*/-}", "-"],
];

testRows("expandWord()", BACKSLASH, (word) => expandWord(word, { variable, escape: "\\" }).text);

const BACKTICK: readonly Row<string, string>[] = [
  ["2.2/1", "a backtick escapes", "`$name", "$name"],
  ["2.2/1", "a backslash is text", "a\\b", "a\\b"],
  ["2.2/1", "a backslash in front of a variable is text", "\\$name", "\\value"],
  ["2.2/1", "a doubled backtick", "a``b", "a`b"],
  ["2.2/1", "a backtick at the end is dropped", "a`", "a"],
  ["2.2/1", "an escaped quote", "it`'s", "it's"],
  ["2.2/1", "in double quotes it goes in front of a quote", '"a`"b"', 'a"b'],
  ["2.2/1", "in double quotes it stays in front of a letter", '"a`b"', "a`b"],
  ["2.2/1", "in double quotes a backslash is text", '"a\\"', "a\\"],
  ["2.2/1", "in single quotes it is text", "'a`b'", "a`b"],
  ["2.2/5", "an escaped brace", "${unset:-a`}b}", "a}b"],
  ["2.2/6", "patterns still escape with a backslash", "${star#\\*}", ""],
  ["2.2/6", "a backtick in a pattern is text behind an escape", "${name#`v}", "value"],
];

testRows("expandWord() with backticks", BACKTICK, (word) => expandWord(word, { variable, escape: "`" }).text);

const SPLIT: readonly Row<string, readonly string[]>[] = [
  ["3.10/1", "one word", "abc", ["abc"]],
  ["3.10/1", "words at blanks", " a \t b ", ["a", "b"]],
  ["3.10/1", "nothing", "", []],
  ["3.10/1", "blanks in a value split", "x$words", ["xa", "b"]],
  ["3.10/1", "quoted blanks do not split", '"a b" c', ["a b", "c"]],
  ["3.10/1", "a quoted value does not split", '"$words"', ["a  b"]],
  ["3.10/1", "an escaped blank does not split", "a\\ b c", ["a b", "c"]],
  ["3.10/1", "empty quotes are no word", "'' a \"\"", ["a"]],
  ["3.10/1", "an empty value is no word", "$empty", []],
  ["3.10/1", "quotes inside a word", "a' 'b c", ["a b", "c"]],
  ["3.10/1", "a default behind text is part of the word", "80${unset:-80}", ["8080"]],
  ["3.10/1", "blanks in a default split", "${unset:-a b}", ["a", "b"]],
  ["3.10/1", "Unicode white space splits", "a\u3000b", ["a", "b"]],
];

testRows("expandWords()", SPLIT, (text) => expandWords(text, { variable, escape: "\\" }).words);

const BODIES: readonly Row<string, string>[] = [
  ["1.7/11", "variables are expanded", "a $name\nb ${name}\n", "a value\nb value\n"],
  ["1.7/11", "quotes are text", "'$name' \"$name\"\n", "'value' \"value\"\n"],
  ["1.7/11", "a quote need not be closed", "it's\n", "it's\n"],
  ["1.7/11", "a backslash goes", "\\$name \\n\n", "$name n\n"],
  ["1.7/11", "a doubled backslash is one", "a\\\\b\n", "a\\b\n"],
  ["1.7/11", "a backslash in front of a line end goes, the line end stays", "a\\\nb\n", "a\nb\n"],
  ["1.7/11", "a backslash at the end goes", "a\\", "a"],
  ["1.7/11", "backticks are text", "`a`\n", "`a`\n"],
  ["1.7/11", "operators work", "${unset:-x} ${name#v}\n", "x alue\n"],
  ["1.7/11", "quotes in an operator's word are text", "${unset:-'x'}\n", "'x'\n"],
  ["1.7/11", "an error in a body names its line", "a\n b ${c\nd\n", /Cannot expand "b \$\{c": a "\}" is missing/],
];

testRows("expandBody()", BODIES, (body) => expandBody(body, { variable }).text);

Deno.test("expandWord() [2.1/3] tells which variables were there and which were not", () => {
  const { found, missing } = expandWord("$name ${a:-$b} '$c' ${empty:+$d}", { variable, escape: "\\" });
  assert.deepEqual([[...found].sort(), [...missing].sort()], [["empty", "name"], ["a", "b", "d"]]);
});

Deno.test("expandWord() refuses to nest without end", () => {
  const word = "${a:-".repeat(10_000) + "}".repeat(10_000);
  assert.throws(() => expandWord(word, { variable, escape: "\\" }), /nested more than 200 deep/);
});

Deno.test("expandWord() nests 200 deep", () => {
  assert.equal(expandWord("${a:-".repeat(200) + "x" + "}".repeat(200), { variable, escape: "\\" }).text, "x");
});

Deno.test("expandWord() bounds the result", () => {
  const big = { variable: () => "x".repeat(MAX_WORD_LENGTH / 2), escape: "\\" } as const;
  assert.equal(expandWord("$a$a", big).text.length, MAX_WORD_LENGTH);
  assert.throws(() => expandWord("$a$a.", big), /longer than 1048576 characters/);
});

Deno.test("expandWord() bounds replacements", () => {
  const big = { variable: () => "x".repeat(100_000), escape: "\\" } as const;
  assert.throws(() => expandWord("${a//x/$a}", big), /longer than 1048576 characters/);
});

Deno.test("expandWord() takes no time for patterns that make regular expressions backtrack", () => {
  const value = "a".repeat(50_000);
  const word = `\${v##${"*a".repeat(200)}b}\${v//${"a*".repeat(200)}b/}\${v%%${"?*".repeat(100)}b}`;
  const started = performance.now();
  assert.equal(expandWord(word, { variable: () => value, escape: "\\" }).text.length, 150_000);
  assert.ok(performance.now() - started < 2_000);
});

Deno.test("expandWord() refuses question marks by the thousand against a long value", () => {
  const value = "a".repeat(1_000_000);
  const word = `\${v//${"?".repeat(2_000)}b/}`;
  assert.throws(() => expandWord(word, { variable: () => value, escape: "\\" }), /takes too long/);
});

Deno.test("expandWord() shortens the word in its message", () => {
  assert.throws(() => expandWord(`\${${"x".repeat(500)}`, { variable, escape: "\\" }), { message: /^.{120,180}$/ });
});

const PIECES = [
  ..."$ ${ } name unset empty words :- - :+ + :? ? # ## % %% / // * ' \" \\ ` a . \\* \\} 1 @ < <<".split(" "),
  " ",
  "\n",
  "\u{1f600}",
  "é",
];

Deno.test("expansion throws nothing but KilnErrors on random words", () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...PIECES), { maxLength: 20 }), fc.boolean(), (pieces, tick) => {
      const text = pieces.join("");
      const variables = { variable, escape: tick ? "`" : "\\" } as const;
      for (const expand of [expandWord, expandWords, expandBody]) {
        try {
          expand(text, variables);
        } catch (error) {
          assert.ok(error instanceof KilnError, String(error));
          assert.match(error.message, /^Cannot expand "/s);
        }
      }
    }),
    { numRuns: 3000 },
  );
});

Deno.test("expansion of quoted text gives the text back", () => {
  fc.assert(fc.property(fc.string({ unit: "grapheme" }), (text) => {
    const quoted = `'${text.replaceAll("'", "'\\''")}'`;
    assert.equal(expandWord(quoted, { variable, escape: "\\" }).text, text);
  }));
});

Deno.test("expansion agrees with a naive model on prefixes and suffixes", () => {
  const part = fc.stringMatching(/^[ab*?]{0,6}$/);
  fc.assert(
    fc.property(fc.stringMatching(/^[ab]{0,8}$/), part, (value, pattern) => {
      const form = new RegExp(`^${pattern.replaceAll("*", ".*").replaceAll("?", ".")}$`, "s");
      const cuts = Array.from({ length: value.length + 1 }, (_, at) => at);
      const prefixes = cuts.filter((at) => form.test(value.slice(0, at)));
      const suffixes = cuts.filter((at) => form.test(value.slice(at)));
      const variables = { variable: (name: string) => name === "v" ? value : pattern, escape: "\\" } as const;
      const show = (word: string): string => expandWord(word, variables).text;
      assert.equal(show("${v#$p}"), value.slice(prefixes[0] ?? 0));
      assert.equal(show("${v##$p}"), value.slice(prefixes.at(-1) ?? 0));
      assert.equal(show("${v%$p}"), value.slice(0, suffixes.at(-1) ?? value.length));
      assert.equal(show("${v%%$p}"), value.slice(0, suffixes[0] ?? value.length));
    }),
    { numRuns: 2000 },
  );
});

Deno.test("replacement of all matches agrees with a regular expression", () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[ab\n]{0,10}$/), fc.stringMatching(/^[ab*?]{1,5}$/), (value, pattern) => {
      const form = new RegExp(pattern.replaceAll("*", ".*").replaceAll("?", "."), "gs");
      // Go, unlike JavaScript, skips an empty match right behind another match.
      let last = -1;
      const model = value.replace(form, (match, offset: number) => {
        const skip = match === "" && offset === last;
        last = offset + match.length;
        return skip ? "" : "<>";
      });
      const variables = { variable: (name: string) => name === "v" ? value : pattern, escape: "\\" } as const;
      assert.equal(expandWord("${v//$p/<>}", variables).text, model);
    }),
    { numRuns: 2000 },
  );
});
