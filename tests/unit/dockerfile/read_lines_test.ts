import assert from "node:assert/strict";
import fc from "../../support/fast_check.ts";
import { dumpDockerfile } from "../../../lib/dockerfile/debug_dump.ts";
import { readLines } from "../../../lib/dockerfile/read_lines.ts";
import { KilnError } from "../../../lib/errors.ts";
import { type Row, testRows } from "../../support/rows.ts";

const LONGEST = `RUN ${"x".repeat(65_535 - 4)}`;

/** Text in, dump out. */
const LINES: readonly Row<string, string>[] = [
  ["1.1/1", "a byte order mark at the start is dropped", "\ufeffFROM a\n", '(from "a")\n'],
  ["1.1/1", "only one byte order mark is dropped", "\ufeff\ufeffFROM a\n", '(\ufefffrom "")\n'],
  ["1.1/1", "lines may end with CR LF", "FROM a\r\nRUN b\r\n", '(from "a")\n(run "b")\n'],
  ["1.1/1", "several CRs in front of LF are trimmed", "FROM a\r\r\nRUN b", '(from "a")\n(run "b")\n'],
  ["1.1/1", "a CR inside a line is a blank, not a line end", "FROM a\rAS b", '(from "a" "AS" "b")\n'],
  ["1.1/1", "the last line needs no line end", "FROM a", '(from "a")\n'],
  ["1.1/2", "a line of 65535 bytes is read", LONGEST, `(run "${LONGEST.slice(4)}")\n`],
  ["1.1/2", "a line of 65535 bytes and a line feed is read", `${LONGEST}\n`, `(run "${LONGEST.slice(4)}")\n`],
  ["1.1/2", "a line of 65536 bytes is an error naming the limit", `${LONGEST}x\n`, /65536 bytes, 65535 at most/],
  ["1.1/2", "bytes are counted, not characters", `RUN ${"é".repeat(32_766)}`, /65536 bytes/],
  ["1.1/2", "a carriage return counts", `${LONGEST}\r\n`, /65536 bytes/],
  ["1.1/3", "an empty file is an error", "", /Cannot read "Dockerfile": it is empty/],
  ["1.1/3", "comments and blank lines alone are an error", "# a\n\n  \n#b", /it has no instructions/],
  ["1.1/3", "a byte order mark alone is an error", "\ufeff", /it has no instructions/],
  ["1.1/4", "blanks in front of an instruction are dropped", " \t FROM a", '(from "a")\n'],
  ["1.1/4", "blanks in front of a continuation line are kept", "RUN a\\\n   b", '(run "a   b")\n'],
  ["1.1/4", "Unicode white space in front of an instruction is dropped", "\u00a0\u3000FROM a", '(from "a")\n'],
  ["1.1/5", "keywords have any case", "from a\nFrOm b", '(from "a")\n(from "b")\n'],
  ["1.1/5", "a tab ends the keyword", "FROM\ta\tAS\tb", '(from "a" "AS" "b")\n'],
  ["1.1/5", "vertical tab and form feed end words", "FROM\va\fAS b", '(from "a" "AS" "b")\n'],
  ["1.1/5", "a no-break space does not end a word", "EXPOSE 1\u00a02", '(expose "1\\u00a02")\n'],
  ["1.1/5", "case is folded as in lower case: a long s is no S", "u\u017fer x", '(u\u017fer "")\n'],
  ["1.1/6", "an unknown instruction is read", "FRM a b", '(frm "")\n'],
  ["1.1/6", "a lone word is read", "hello", '(hello "")\n'],
  ["1.2/1", "a line that starts with # is a comment", "# a\nFROM a", '(from "a")\n'],
  ["1.2/1", "an indented # starts a comment", "  \t# a\nFROM a", '(from "a")\n'],
  ["1.2/1", "a # later in a line is text", "FROM a # b", '(from "a" "#" "b")\n'],
  ["1.2/1", "a # in a command is text", "RUN echo '#' # x", "(run \"echo '#' # x\")\n"],
  ["1.2/2", "a comment inside an instruction is removed", "RUN a \\\n# x\n b", '(run "a  b")\n'],
  ["1.2/2", "an indented comment inside an instruction is removed", "RUN a \\\n   # x\n b", '(run "a  b")\n'],
  ["1.2/2", "a comment does not end a continuation", "RUN a \\\n#x\n#y\nb \\\n#z\nc", '(run "a b c")\n'],
  ["1.2/2", "a comment cannot be continued", "# a \\\nFROM a", '(from "a")\n'],
  ["1.2/2", "a comment inside an instruction cannot be continued", "RUN a \\\n# x \\\nb", '(run "a b")\n'],
  ["1.2/2", "a comment at the end of a continued instruction ends with the file", "RUN a \\\n# x", '(run "a")\n'],
  [
    "1.4/1",
    "an escape at the end continues the line with nothing between",
    "RUN echo good\\\nbye",
    '(run "echo goodbye")\n',
  ],
  ["1.4/1", "blanks may follow the escape", "RUN a \\ \t \nb", '(run "a b")\n'],
  ["1.4/1", "an escape alone continues", "\\\nFROM a", '(from "a")\n'],
  ["1.4/1", "an escape alone inside an instruction continues", "RUN a\\\n\\\nb", '(run "ab")\n'],
  ["1.4/1", "CR LF after the escape continues", "RUN a\\\r\nb\r\n", '(run "ab")\n'],
  ["1.4/1", "a keyword can be continued", "FR\\\nOM a", '(from "a")\n'],
  [
    "1.4/1",
    "other white space behind the escape does not continue",
    "RUN a\\\v\nUSER b",
    '(run "a\\\\")\n(user "b")\n',
  ],
  [
    "1.4/1",
    "with another escape character a backslash does not continue",
    "# escape=`\nRUN a\\\nUSER b",
    '(run "a\\\\")\n(user "b")\n',
  ],
  ["1.4/1", "the chosen escape character continues", "# escape=`\nRUN a`\nb", '(run "ab")\n'],
  ["1.4/2", "two escapes do not continue", "RUN a\\\\\nUSER b", '(run "a\\\\\\\\")\n(user "b")\n'],
  ["1.4/2", "three escapes do not continue either", "RUN a\\\\\\\nUSER b", '(run "a\\\\\\\\\\\\")\n(user "b")\n'],
  ["1.4/2", "an escape, a blank and an escape continue", "RUN a\\ \\\nb", '(run "a\\\\ b")\n'],
  ["1.4/3", "a blank line inside an instruction is skipped", "RUN a \\\n\n \t\nb", '(run "a b")\n'],
  ["1.4/4", "an escape at the end of the file is dropped", "RUN a \\", '(run "a")\n'],
  ["1.4/4", "an escape in front of blank lines at the end is dropped", "RUN a \\\n\n", '(run "a")\n'],
  ["1.4/5", "other backslashes of a command stay", "RUN a\\b \\$c \\\\d", '(run "a\\\\b \\\\$c \\\\\\\\d")\n'],
  [
    "1.4/5",
    "backslashes of CMD and ENTRYPOINT stay",
    "CMD a\\ b\nENTRYPOINT \\n",
    '(cmd "a\\\\ b")\n(entrypoint "\\\\n")\n',
  ],
  [
    "1.3/4",
    "the escape directive sets the escape of flags and words",
    "# escape=`\nARG --x=a` b c` d",
    '(arg ["--x=a b"] "c` d")\n',
  ],
];

testRows("readLines()", LINES, (text) => dumpDockerfile(text, "Dockerfile"));

const FLAGS: readonly Row<string, string>[] = [
  ["1.5/1", "words with two dashes are flags", "COPY --a=1 --b c d", '(copy ["--a=1" "--b"] "c" "d")\n'],
  ["1.5/1", "the first other word ends the flags", "COPY --a b --c", '(copy ["--a"] "b" "--c")\n'],
  ["1.5/1", "one dash is no flag", "RUN -a --b", '(run "-a --b")\n'],
  ["1.5/1", "every instruction has flags", "CMD --help x", '(cmd ["--help"] "x")\n'],
  ["1.5/1", "a bare -- ends the flags and is dropped", "CMD -- --help x", '(cmd "--help x")\n'],
  ["1.5/1", "a bare -- behind flags is dropped", "RUN --mount=x -- --y", '(run ["--mount=x"] "--y")\n'],
  ["1.5/1", "only the first bare -- is dropped", "CMD -- -- a", '(cmd "-- a")\n'],
  ["1.5/1", "flags without arguments", "FROM --platform=a", '(from ["--platform=a"])\n'],
  ["1.5/1", "a bare -- and nothing else", "CMD --", "(cmd)\n"],
  ["1.5/1", "three dashes are a flag", "CMD --- a", '(cmd ["---"] "a")\n'],
  [
    "1.5/1",
    "ONBUILD's instruction has flags of its own",
    "ONBUILD COPY --from=a b c",
    '(onbuild (copy ["--from=a"] "b" "c"))\n',
  ],
  [
    "1.5/1",
    "flags may stand on lines of their own",
    "COPY \\\n --a \\\n --b \\\n c d",
    '(copy ["--a" "--b"] "c" "d")\n',
  ],
  ["1.5/2", "double quotes group", 'RUN --a="b c" d', '(run ["--a=b c"] "d")\n'],
  ["1.5/2", "single quotes group", "RUN --a='b c' d", '(run ["--a=b c"] "d")\n'],
  ["1.5/2", "quotes may stand anywhere in the word", "RUN --a=b' 'c\" \"d e", '(run ["--a=b c d"] "e")\n'],
  ["1.5/2", "a quote of the other kind is text", 'RUN --a="it\'s" d', '(run ["--a=it\'s"] "d")\n'],
  ["1.5/2", "the escape makes a blank part of the word", "RUN --a=b\\ c d", '(run ["--a=b c"] "d")\n'],
  ["1.5/2", "the escape works in double quotes", 'RUN --a="b\\"c" d', '(run ["--a=b\\"c"] "d")\n'],
  ["1.5/2", "the escape works in single quotes", "RUN --a='b\\'c' d", '(run ["--a=b\'c"] "d")\n'],
  ["1.5/2", "a quote that is not closed takes the rest", 'RUN --a="b c', '(run ["--a=b c"])\n'],
  ["1.5/2", "a doubled escape is one character", "RUN --a=b\\\\", '(run ["--a=b\\\\"])\n'],
  ["1.5/2", "an empty flag value in quotes", 'COPY --a="" b c', '(copy ["--a="] "b" "c")\n'],
];

testRows("splitInstruction()", FLAGS, (text) => dumpDockerfile(text, "Dockerfile"));

const SHAPES: readonly Row<string, string>[] = [
  ["1.6", "RUN: JSON", 'RUN ["a", "b c"]', '(run "a" "b c")\n'],
  ["1.6", "RUN: text", "RUN a  b", '(run "a  b")\n'],
  ["1.6", "SHELL: JSON", 'SHELL ["a"]', '(shell "a")\n'],
  ["1.6", "ENTRYPOINT: text", "ENTRYPOINT a b", '(entrypoint "a b")\n'],
  ["1.6", "COPY: words", "COPY a\t b  c", '(copy "a" "b" "c")\n'],
  ["1.6", "ADD: JSON", 'ADD ["a b","c"]', '(add "a b" "c")\n'],
  ["1.6", "VOLUME: words", "VOLUME /a /b", '(volume "/a" "/b")\n'],
  ["1.6", "VOLUME: JSON", 'VOLUME ["/a b"]', '(volume "/a b")\n'],
  ["1.6", "FROM: words", "FROM a as b", '(from "a" "as" "b")\n'],
  ["1.6", "EXPOSE: words, not JSON", 'EXPOSE ["80"]', '(expose "[\\"80\\"]")\n'],
  ["1.6", "WORKDIR: all of the text", "WORKDIR /a b  c", '(workdir "/a b  c")\n'],
  ["1.6", "USER: all of the text", "USER a b", '(user "a b")\n'],
  ["1.6", "STOPSIGNAL: all of the text", "STOPSIGNAL 9", '(stopsignal "9")\n'],
  ["1.6", "MAINTAINER: all of the text", 'MAINTAINER A "b" <c>', '(maintainer "A \\"b\\" <c>")\n'],
  ["1.6", "ENV: pairs", "ENV a=b c=d", '(env "a" "b" "=" "c" "d" "=")\n'],
  ["1.6", "ENV: old form", "ENV a b c=d", '(env "a" "b c=d" "")\n'],
  ["1.6", "LABEL: pairs", "LABEL a.b=c", '(label "a.b" "c" "=")\n'],
  ["1.6", "ARG: quoted words", 'ARG a="b c" d', '(arg "a=\\"b c\\"" "d")\n'],
  [
    "1.6",
    "HEALTHCHECK: a word and text",
    "HEALTHCHECK --retries=1 CMD a b",
    '(healthcheck ["--retries=1"] "CMD" "a b")\n',
  ],
  ["1.6", "HEALTHCHECK: a word and JSON", 'HEALTHCHECK CMD ["a","b"]', '(healthcheck "CMD" "a" "b")\n'],
  ["1.6", "HEALTHCHECK: a word", "HEALTHCHECK NONE", '(healthcheck "NONE")\n'],
  ["1.6", "ONBUILD: an instruction", 'ONBUILD RUN ["a"]', '(onbuild (run "a"))\n'],
  ["1.6", "ONBUILD: nested twice", "ONBUILD ONBUILD RUN a", '(onbuild (onbuild (run "a")))\n'],
  [
    "1.6",
    "no arguments",
    "RUN\nCOPY\nENV\nARG\nHEALTHCHECK\nONBUILD\nUSER",
    "(run)\n(copy)\n(env)\n(arg)\n(healthcheck)\n(onbuild)\n(user)\n",
  ],
  ["1.6/1", "an empty array", "CMD []", "(cmd)\n"],
  ["1.6/1", "white space around and in the array", 'CMD   [ "a" ,\t"b" ]  ', '(cmd "a" "b")\n'],
  ["1.6/1", "JSON escapes", 'CMD ["\\u00e9\\n\\t\\"\\\\\\/"]', '(cmd "é\\n\\t\\"\\\\/")\n'],
  ["1.6/1", "a lone surrogate becomes U+FFFD", 'CMD ["\\ud800"]', '(cmd "\ufffd")\n'],
  ["1.6/1", "an array over several lines", 'CMD ["a", \\\n "b"]', '(cmd "a" "b")\n'],
  ["1.6/1", "a number is an error", 'CMD ["a", 1]', /element 2 is not a string/],
  ["1.6/1", "null is an error", "CMD [null]", /element 1 is not a string/],
  ["1.6/1", "an array in the array is an error", 'CMD ["a", ["b"]]', /element 2 is not a string/],
  ["1.6/1", "an error in COPY too", 'COPY ["a", true]', /element 2 is not a string/],
  ["1.6/1", "single quotes make it text", "CMD ['a']", "(cmd \"['a']\")\n"],
  ["1.6/1", "text behind the bracket makes it text", 'RUN ["a"] b', '(run "[\\"a\\"] b")\n'],
  ["1.6/1", "a missing bracket makes it text", 'CMD ["a", "b"', '(cmd "[\\"a\\", \\"b\\"")\n'],
  ["1.6/1", "a comma too many makes it text", 'CMD ["a",]', '(cmd "[\\"a\\",]")\n'],
  ["1.6/1", "an object is text", 'CMD {"a": 1}', '(cmd "{\\"a\\": 1}")\n'],
  ["1.6/1", "a shell test is text", "RUN [ -f a ]", '(run "[ -f a ]")\n'],
  ["1.6/1", "text behind [] is text", "ENTRYPOINT []x", '(entrypoint "[]x")\n'],
  ["1.6/2", "quotes do not protect blanks", 'COPY "a b" /x', '(copy "\\"a" "b\\"" "/x")\n'],
  ["1.6/2", "escapes do not protect blanks", "COPY a\\ b /x", '(copy "a\\\\" "b" "/x")\n'],
  ["1.6/2", "broken JSON is split", "COPY ['a', 'b']", "(copy \"['a',\" \"'b']\")\n"],
  ["1.6/3", "single quotes protect blanks", "ENV a='b c' d=e", '(env "a" "\'b c\'" "=" "d" "e" "=")\n'],
  ["1.6/3", "an escaped blank belongs to the word", "ENV a=b\\ c d=e", '(env "a" "b\\\\ c" "=" "d" "e" "=")\n'],
  ["1.6/3", "an escaped quote does not open", 'ENV a=\\"b c=d', '(env "a" "\\\\\\"b" "=" "c" "d" "=")\n'],
  ["1.6/3", "an escaped quote does not close", 'ENV a="b\\" c" d=e', '(env "a" "\\"b\\\\\\" c\\"" "=" "d" "e" "=")\n'],
  ["1.6/3", "nothing is escaped in single quotes", "ENV a='b\\' c=d", '(env "a" "\'b\\\\\'" "=" "c" "d" "=")\n'],
  ["1.6/3", "words end at Unicode white space", "ENV a=b\u00a0c=d", '(env "a" "b" "=" "c" "d" "=")\n'],
  ["1.6/3", "an escape at the very end is dropped", "ARG a=b\\\\\\", '(arg "a=b\\\\\\\\")\n'],
  ["1.6/3", "a quote that is not closed takes the rest", "ARG a='b c", '(arg "a=\'b c")\n'],
  ["1.6/3", "an escape of an escape is a word", "# escape=`\nARG a ``", '(arg "a" "``")\n'],
  ["1.8", "ENV with a name only is an error", "ENV a", /Cannot parse ENV: "a" has no value \(write ENV a=value\)/],
  ["1.8", "LABEL with a name only is an error", "LABEL a", /Cannot parse LABEL: "a" has no value/],
  ["1.8", "a later word without = is an error", "ENV a=b c", /Cannot parse ENV: "c" has no "="/],
];

testRows("dumpDockerfile()", SHAPES, (text) => dumpDockerfile(text, "Dockerfile"));

Deno.test("readLines() [1.1/1] says which line is not UTF-8", () => {
  const source = new Uint8Array([...new TextEncoder().encode("FROM a\nRUN "), 0xff, 0x0a]);
  assert.throws(() => readLines(source, "Dockerfile"), (error: KilnError) => {
    assert.equal(error.message, 'Cannot read "Dockerfile": the line is not UTF-8 text');
    assert.deepEqual(error.range, { file: "Dockerfile", startLine: 2, endLine: 2 });
    return true;
  });
});

/** Text in, for each instruction its keyword and first and last line. */
const RANGES: readonly Row<string, readonly (readonly [string, number, number])[]>[] = [
  ["1.9/1", "one line each", "FROM a\n\nRUN b", [["FROM", 1, 1], ["RUN", 3, 3]]],
  ["1.9/1", "continued lines", "FROM a\nRUN b \\\n c \\\n\n d\nUSER e", [["FROM", 1, 1], ["RUN", 2, 5], [
    "USER",
    6,
    6,
  ]]],
  ["1.9/1", "comments above do not count", "# x\n# y\nFROM a", [["FROM", 3, 3]]],
  ["1.9/1", "a heredoc counts to its end", "FROM a\nRUN <<E\nb\nE\nUSER c", [["FROM", 1, 1], ["RUN", 2, 4], [
    "USER",
    5,
    5,
  ]]],
  ["1.9/1", "a trailing comment inside counts", "RUN a \\\n# b\n# c", [["RUN", 1, 3]]],
];

testRows(
  "readLines() positions",
  RANGES,
  (text) => readLines(text, "Dockerfile").lines.map(({ keyword, range }) => [keyword, range.startLine, range.endLine]),
);

const COMMENTS: readonly Row<string, readonly string[]>[] = [
  ["1.2/3", "lines above are remembered", "# a\n#  b \nFROM x", ["a", "b"]],
  ["1.2/3", "blank lines do not matter", "# a\n\n# b\n\nFROM x", ["a", "b"]],
  ["1.2/3", "an empty comment resets", "# a\n#\n# b\nFROM x", ["b"]],
  ["1.2/3", "an indented comment keeps its mark", "  # a\nFROM x", ["# a"]],
  ["1.2/3", "directives are not comments", "# syntax=a\n# b\nFROM x", ["b"]],
  ["1.2/3", "a comment inside an instruction is not remembered", "FROM \\\n# a\nx", []],
];

testRows("readLines() comments", COMMENTS, (text) => readLines(text, "Dockerfile").lines[0]?.comments ?? []);

Deno.test("readLines() [1.2/3] gives comments to one instruction only", () => {
  const { lines } = readLines("# a\nFROM x\nRUN y", "Dockerfile");
  assert.deepEqual(lines.map(({ comments }) => comments), [["a"], []]);
});

Deno.test("readLines() [1.4/3] notes blank lines inside an instruction, at its end", () => {
  const { blankLines } = readLines("FROM a\nRUN b \\\n\n c\n", "Dockerfile");
  assert.deepEqual(blankLines, [{ file: "Dockerfile", startLine: 4, endLine: 4 }]);
});

Deno.test("readLines() [1.4/3] does not note comments inside an instruction", () => {
  assert.deepEqual(readLines("RUN b \\\n# x\n c\n", "Dockerfile").blankLines, []);
});

Deno.test("readLines() takes linear time for 16 MB of continuation lines", () => {
  const text = `RUN a${" \\\n   b # c".repeat(1_400_000)}`;
  assert.equal(readLines(text, "Dockerfile").lines[0]?.rest.length, 1 + 1_400_000 * 9);
});

Deno.test("readLines() refuses files of more than 16 MiB", () => {
  assert.throws(
    () => readLines(new Uint8Array(16 * 1024 * 1024 + 1), "Dockerfile"),
    /16777217 bytes, 16777216 at most/,
  );
});

const TOKENS = [
  ..."FROM RUN COPY ENV ARG ONBUILD HEALTHCHECK LABEL CMD a = \\ ` ' \" $ ${ } [ ] , -- --x=y << <<- EOF # escape syntax"
    .split(" "),
  ...' |\n|\r\n|\t|\u00a0|\ufeff|\\\n|é|["a"]|<<EOF\n|EOF\n|\u{1f600}'.split("|"),
];

Deno.test("readLines() and the dump throw nothing but KilnErrors, with positions, on random text", () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...TOKENS), { maxLength: 40 }), (tokens) => {
      try {
        dumpDockerfile(tokens.join(""), "Dockerfile");
      } catch (error) {
        assert.ok(error instanceof KilnError, String(error));
        assert.equal(error.kind, "dockerfile");
        if (!/it is empty|no instructions/.test(error.message)) assert.ok(error.range);
      }
    }),
    { numRuns: 2000 },
  );
});

Deno.test("readLines() throws nothing but KilnErrors on random bytes", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      try {
        readLines(bytes, "Dockerfile");
      } catch (error) {
        assert.ok(error instanceof KilnError, String(error));
      }
    }),
    { numRuns: 2000 },
  );
});

Deno.test("readLines() covers every line of instructions with exactly one range", () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom("RUN a", "RUN a \\", "# c", "", "COPY <<E /x\nb\nE"), { maxLength: 20 }),
      (parts) => {
        const text = `FROM x\n${parts.join("\n")}`;
        let last = 0;
        for (const { range } of readLines(text, "Dockerfile").lines) {
          assert.ok(range.startLine > last && range.endLine >= range.startLine);
          last = range.endLine;
        }
        assert.ok(last <= text.split("\n").length);
      },
    ),
  );
});
