import assert from "node:assert/strict";
import { parseHeredocWord, stripLeadingTabs } from "../../../lib/dockerfile/heredoc.ts";
import { readLines } from "../../../lib/dockerfile/read_lines.ts";
import { type Row, testRows } from "../../support/rows.ts";

/** name, then x for expanded and - for tabs stripped. */
const WORDS: readonly Row<string, string | undefined>[] = [
  ["1.7/2", "the plain form", "<<EOF", "EOF x"],
  ["1.7/2", "a dash", "<<-EOF", "EOF x-"],
  ["1.7/2", "a blank in front of the delimiter", "<< EOF", "EOF x"],
  ["1.7/2", "several blanks", "<< \t EOF", "EOF x"],
  ["1.7/2", "a dash and a blank", "<<- EOF", "EOF x-"],
  ["1.7/2", "a blank and a dash: the dash is the delimiter's", "<< -EOF", "-EOF x"],
  ["1.7/2", "three marks are no heredoc", "<<<EOF", undefined],
  ["1.7/2", "one mark is no heredoc", "<EOF", undefined],
  ["1.7/2", "no delimiter, no heredoc", "<<", undefined],
  ["1.7/2", "a dash without delimiter is no heredoc", "<<-", undefined],
  ["1.7/2", "a mark in the delimiter is no heredoc", "<<A<B", undefined],
  ["1.7/2", "text in front is no heredoc", "a<<EOF", undefined],
  ["1.7/2", "two words are no heredoc", "<<EOF sh", undefined],
  ["1.7/2", "a quoted mark is no heredoc", '"<<EOF"', undefined],
  ["1.7/2", "ordinary text", "EOF", undefined],
  ["1.7/2", "nothing", "", undefined],
  ["1.7/2", "a delimiter of quotes alone is no heredoc", "<<''", undefined],
  ["1.7/3", "single quotes: not expanded", "<<'EOF'", "EOF "],
  ["1.7/3", "double quotes: not expanded", '<<"EOF"', "EOF "],
  ["1.7/3", "quotes and a dash", "<<-'EOF'", "EOF -"],
  ["1.7/3", "partly quoted: not expanded", "<<E'O'F", "EOF "],
  ["1.7/3", "quoted at the end", '<<EO"F"', "EOF "],
  ["1.7/3", "an escaped quote is part of the name", "<<E\\'F", "E'F x"],
  ["1.7/3", "an escaped double quote", '<<E\\"F', 'E"F x'],
  ["1.7/3", "an escaped quote among quotes", "<<'E'\\'F", "E'F "],
  ["1.7/3", "a variable stays as it is", "<<$EOF", "$EOF x"],
  ["1.7/3", "a variable in braces stays as it is", "<<${EOF}", "${EOF} x"],
  ["1.7/3", "an operator stays as it is", "<<${A:-B}", "${A:-B} x"],
  ["1.7/3", "an escaped letter", "<<E\\OF", "EOF x"],
  [
    "1.7/3",
    "a quote that is not closed is an error",
    "<<'EOF",
    /Cannot read the heredoc word "<<'EOF": a single quote/,
  ],
  ["1.7/3", "a double quote that is not closed is an error", '<<EOF"', /a double quote is not closed/],
  ["1.7/4", "quoted words", "<<'one two'", "one two "],
  ["1.7/4", "double-quoted words", '<<"one  two"', "one  two "],
  ["1.7/6", "a file descriptor", "3<<EOF", "EOF x"],
  ["1.7/6", "many digits", "123456789012345678901<<EOF", "EOF x"],
  ["1.7/2", "a file name", "<<a.txt", "a.txt x"],
];

testRows("parseHeredocWord()", WORDS, (word) => {
  const found = parseHeredocWord(word);
  return found && `${found.name} ${found.expand ? "x" : ""}${found.stripTabs ? "-" : ""}`;
});

/** For each instruction: its rest, then name and body of each heredoc. */
const FILES: readonly Row<string, readonly (readonly string[])[]>[] = [
  ["1.7/1", "on RUN", "RUN <<EOF\na\nb\nEOF\nUSER x", [["<<EOF", "EOF", "a\nb\n"], ["x"]]],
  ["1.7/1", "on COPY", "COPY <<EOF /x\na\nEOF", [["<<EOF /x", "EOF", "a\n"]]],
  ["1.7/1", "on ADD", "ADD <<EOF /x\na\nEOF", [["<<EOF /x", "EOF", "a\n"]]],
  ["1.7/1", "on ONBUILD RUN", "ONBUILD RUN <<EOF\na\nEOF", [["RUN <<EOF", "EOF", "a\n"]]],
  ["1.7/1", "on onbuild copy, in any case", "onbuild copy <<EOF /x\na\nEOF", [["copy <<EOF /x", "EOF", "a\n"]]],
  ["1.7/1", "not on CMD", "CMD <<EOF\nUSER x", [["<<EOF"], ["x"]]],
  ["1.7/1", "not on ENV", "ENV a=<<EOF\nUSER x", [["a=<<EOF"], ["x"]]],
  ["1.7/1", "not on ONBUILD CMD", "ONBUILD CMD <<EOF\nUSER x", [["CMD <<EOF"], ["x"]]],
  ["1.7/1", "not on JSON", 'RUN ["<<EOF"]\nUSER x', [['["<<EOF"]'], ["x"]]],
  ["1.7/1", "not on COPY with JSON", 'COPY ["<<EOF", "/x"]\nUSER x', [['["<<EOF", "/x"]'], ["x"]]],
  ["1.7/2", "a quoted word opens none", "RUN echo '<<EOF'\nUSER x", [["echo '<<EOF'"], ["x"]]],
  ["1.7/2", "a shift is not a word of its own", "RUN echo $((1<<4))\nUSER x", [["echo $((1<<4))"], ["x"]]],
  ["1.7/2", "behind flags", "RUN --mount=type=tmpfs <<EOF\na\nEOF", [["<<EOF", "EOF", "a\n"]]],
  ["1.7/2", "in a continued line", "RUN cat \\\n <<EOF > /x\na\nEOF", [["cat  <<EOF > /x", "EOF", "a\n"]]],
  ["1.7/2", "in the middle of a command", "RUN cat <<EOF | sh\na\nEOF", [["cat <<EOF | sh", "EOF", "a\n"]]],
  ["1.7/2", "with blanks in front of the delimiter", "RUN cat <<  EOF >x\na\nEOF", [["cat <<  EOF >x", "EOF", "a\n"]]],
  ["1.7/2", "with a dash and a blank", "RUN cat <<- EOF >x\n\ta\n\tEOF", [["cat <<- EOF >x", "EOF", "a\n"]]],
  ["1.7/2", "unbalanced quotes open none", "RUN echo it's <<EOF\nUSER x", [["echo it's <<EOF"], ["x"]]],
  ["1.7/3", "the escape is a backslash whatever the file says", "# escape=`\nRUN <<E\\'F\na\nE'F", [[
    "<<E\\'F",
    "E'F",
    "a\n",
  ]]],
  ["1.7/4", "a delimiter of two words", "RUN <<'one two'\na\none two", [["<<'one two'", "one two", "a\n"]]],
  ["1.7/5", "two in order", "RUN cat <<A <<B\na\nA\nb\nB", [["cat <<A <<B", "A", "a\n", "B", "b\n"]]],
  ["1.7/5", "each with the other's delimiter inside", "COPY <<X <<Y /d\nY\nX\nX\nY", [[
    "<<X <<Y /d",
    "X",
    "Y\n",
    "Y",
    "X\n",
  ]]],
  ["1.7/5", "an empty body", "RUN <<EOF\nEOF", [["<<EOF", "EOF", ""]]],
  ["1.7/5", "comments and continuations inside are text", "RUN <<EOF\n# a\nb \\\nEOF", [[
    "<<EOF",
    "EOF",
    "# a\nb \\\n",
  ]]],
  ["1.7/5", "blank lines and blanks stay", "RUN <<EOF\n\n  a  \nEOF", [["<<EOF", "EOF", "\n  a  \n"]]],
  ["1.7/5", "line ends stay, the terminator's is trimmed", "RUN <<EOF\r\na\r\nEOF\r\n", [["<<EOF", "EOF", "a\r\n"]]],
  ["1.7/5", "a blank behind the terminator makes it text", "RUN <<EOF\nEOF \nEOF", [["<<EOF", "EOF", "EOF \n"]]],
  ["1.7/5", "an indented terminator is text", "RUN <<EOF\n\tEOF\nEOF", [["<<EOF", "EOF", "\tEOF\n"]]],
  ["1.7/5", "with a dash, tabs in front of the terminator go", "RUN <<-EOF\n\t\tEOF", [["<<-EOF", "EOF", ""]]],
  ["1.7/5", "with a dash, spaces in front of the terminator stay", "RUN <<-EOF\n EOF\nEOF", [[
    "<<-EOF",
    "EOF",
    " EOF\n",
  ]]],
  ["1.7/5", "no terminator is an error", "RUN <<EOF\na\n", /Cannot read the heredoc "EOF": no line "EOF" ends it/],
  ["1.7/5", "the second without terminator is an error", "RUN <<A <<B\nA\nb", /heredoc "B"/],
  ["1.7/7", "tabs go from every line", "RUN <<-EOF\n\ta\n\t\tb\n\t c\n\tEOF", [["<<-EOF", "EOF", "a\nb\n c\n"]]],
  ["1.7/7", "spaces stay", "RUN <<-EOF\n  a\nEOF", [["<<-EOF", "EOF", "  a\n"]]],
  ["1.7/7", "tabs inside a line stay", "RUN <<-EOF\n\ta\tb\nEOF", [["<<-EOF", "EOF", "a\tb\n"]]],
  ["1.7/7", "without dash tabs stay", "RUN <<EOF\n\ta\nEOF", [["<<EOF", "EOF", "\ta\n"]]],
];

testRows("heredocs", FILES, (text) =>
  readLines(text, "Dockerfile").lines.map(({ rest, heredocs }) => [
    rest,
    ...heredocs.flatMap(({ name, body }) => [name, body]),
  ]));

Deno.test("heredocs [1.7/7] keep the raw body too", () => {
  const [line] = readLines("RUN <<-EOF\n\ta\n\tEOF", "Dockerfile").lines;
  assert.equal(line?.heredocs[0]?.raw, "\ta\n");
});

Deno.test("heredocs [1.9/1] an unterminated one is located from the instruction to the end", () => {
  const range = { file: "D", startLine: 2, endLine: 4 };
  assert.throws(() => readLines("FROM a\nRUN <<E\nb\nc\n", "D"), { range });
});

Deno.test("stripLeadingTabs() [1.7/7] knows no line end but the line feed", () => {
  assert.equal(stripLeadingTabs("\ta\r\tb\u2028\tc\n\t\td"), "a\r\tb\u2028\tc\nd");
});
