import { dumpDockerfile } from "../../../lib/dockerfile/debug_dump.ts";
import { goQuote, goQuoteList } from "../../../lib/dockerfile/go_quote.ts";
import { type Row, testRows } from "../../support/rows.ts";

const QUOTED: readonly Row<string, string>[] = [
  ["3.0/9", "plain text", "abc", '"abc"'],
  ["3.0/9", "nothing", "", '""'],
  ["3.0/9", "quotes and backslashes", 'a"b\\c', '"a\\"b\\\\c"'],
  ["3.0/9", "single quotes stay", "it's", '"it\'s"'],
  ["3.0/9", "named controls", "\x07\b\f\n\r\t\v", '"\\a\\b\\f\\n\\r\\t\\v"'],
  ["3.0/9", "other controls", "\x00\x1b\x7f", '"\\x00\\x1b\\x7f"'],
  ["3.0/9", "letters of all scripts stay", "é한\u{1f600}", '"é한\u{1f600}"'],
  ["3.0/9", "a space stays, other spaces do not", " \u00a0\u3000", '" \\u00a0\\u3000"'],
  ["3.0/9", "invisible characters", "\u200b\ufeff\u{e0001}", '"\\u200b\\ufeff\\U000e0001"'],
  ["3.0/9", "a C1 control", "\u0085", '"\\u0085"'],
];

testRows("goQuote()", QUOTED, goQuote);

testRows("goQuoteList()", [["3.0/9", "words", ["a", "b c"], '["a" "b c"]'], ["3.0/9", "none", [], "[]"]], goQuoteList);

const DUMPS: readonly Row<string, string>[] = [
  [
    "1.6",
    "one instruction a line",
    'FROM a AS b\nRUN --mount=x ["c"]\n',
    '(from "a" "AS" "b")\n(run ["--mount=x"] "c")\n',
  ],
  ["1.6", "several flags", "COPY --a=b --c d e", '(copy ["--a=b" "--c"] "d" "e")\n'],
  ["1.6", "nested instructions", "ONBUILD COPY a b", '(onbuild (copy "a" "b"))\n'],
  ["1.6", "heredocs are not shown", "RUN <<E\nx\nE\n", '(run "<<E")\n'],
  ["1.6", "an unknown instruction", "HELLO world", '(hello "")\n'],
  [
    "1.6",
    "pairs have their delimiter",
    "ENV a=b c='d e'\nLABEL f  g h",
    `(env "a" "b" "=" "c" "'d e'" "=")\n(label "f" "g h" "")\n`,
  ],
  ["1.6", "quotes and escapes stay", 'ARG a="b c" d\\ e', '(arg "a=\\"b c\\"" "d\\\\ e")\n'],
  [
    "1.6",
    "JSON words are unescaped and quoted again",
    'CMD ["a\\tb", "\\u00e9\\u0000", ""]',
    '(cmd "a\\tb" "é\\x00" "")\n',
  ],
  ["1.6", "what is no JSON is one word", "CMD ['a', 'b']", `(cmd "['a', 'b']")\n`],
  [
    "1.6",
    "a health check",
    'HEALTHCHECK --retries=1 CMD ["a", "b"]\nHEALTHCHECK none',
    '(healthcheck ["--retries=1"] "CMD" "a" "b")\n(healthcheck "none")\n',
  ],
  ["1.6", "a flag in a trigger", "ONBUILD RUN --mount=a <<E\nx\nE", '(onbuild (run ["--mount=a"] "<<E"))\n'],
  ["1.6", "a flag in front of a trigger", "onbuild --x USER a", '(onbuild ["--x"] (user "a"))\n'],
  ["1.6", "nothing behind the keyword", "RUN\nENV\nONBUILD\nVOLUME", "(run)\n(env)\n(onbuild)\n(volume)\n"],
  [
    "1.6",
    "one argument with blanks",
    "MAINTAINER  me <a@b> \nWORKDIR a b",
    '(maintainer "me <a@b>")\n(workdir "a b")\n',
  ],
  ["1.6", "continued and commented lines", "RUN a \\\n# c\n  b\\\nc", '(run "a   bc")\n'],
  ["1.6", "another escape character", "# escape=`\nRUN a `\n  b \\", '(run "a   b \\\\")\n'],
  ["1.6", "quotes in flags go", `COPY --a="b c" --d='e' f g`, '(copy ["--a=b c" "--d=e"] "f" "g")\n'],
  ["1.6", "a bare -- goes", "CMD -- --help", '(cmd "--help")\n'],
  ["1.6", "an ENV without value is an error", "ENV a", /Cannot parse ENV: "a" has no value/],
  ["1.6", "an array of other things is an error", 'RUN ["a", 1]', /element 2 is not a string/],
  ["1.6", "an instruction made of nothing", "\\\n", '("")\n'],
];

testRows("dumpDockerfile()", DUMPS, (text) => dumpDockerfile(text, "Dockerfile"));
