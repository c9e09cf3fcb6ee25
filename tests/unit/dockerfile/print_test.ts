/**
 * What is printed as a Dockerfile and read again is the same: whatever case, line ends, continuations, comments, byte
 * order mark and escape character it is printed with.
 *
 * @module
 */
import assert from "node:assert/strict";
import { parseNameValues, parsePaths } from "../../../lib/dockerfile/arguments.ts";
import { expandWord } from "../../../lib/dockerfile/expand_word.ts";
import { KEYWORDS } from "../../../lib/dockerfile/keyword.ts";
import type { Escape, LogicalLine } from "../../../lib/dockerfile/line.ts";
import { readLines } from "../../../lib/dockerfile/read_lines.ts";
import fc from "../../support/fast_check.ts";

/** An instruction, and how it is laid out. */
interface Printed {
  readonly keyword: string;
  readonly flags: readonly string[];
  readonly words: readonly string[];
  readonly heredocs: readonly { readonly name: string; readonly body: string }[];
  readonly comments: readonly string[];
  readonly casing: "upper" | "lower";
  /** Behind each word: how the line goes on. */
  readonly breaks: readonly ("none" | "continued" | "comment inside" | "blank line inside")[];
}

const ESCAPE = fc.constantFrom<Escape>("\\", "`");
const WORD = fc.stringMatching(/^[a-z$"'={}[\]:/,.é]{1,8}$/).filter((word) => word !== "--");
const FLAG = fc.string({ unit: fc.constantFrom("a", "=", " ", '"', "'", "\\", "`", "$"), minLength: 1, maxLength: 8 });
const HEREDOC = fc.record({
  name: fc.constantFrom("EOF", "END", "x.txt"),
  body: fc.array(fc.constantFrom("a", " b", "\tc", "# d", "", "FROM x", "e \\", "$f"), { maxLength: 3 }),
});
const BREAK = fc.constantFrom<Printed["breaks"][number]>(
  "none",
  "none",
  "continued",
  "comment inside",
  "blank line inside",
);
const INSTRUCTION = fc.record({
  keyword: fc.constantFrom(...KEYWORDS.filter((keyword) => keyword !== "ONBUILD")),
  flags: fc.array(FLAG, { maxLength: 2 }),
  words: fc.array(WORD, { minLength: 1, maxLength: 5 }),
  heredocs: fc.array(HEREDOC, { maxLength: 2 }),
  comments: fc.array(fc.constantFrom("hello", "check=skip=all", "x y"), { maxLength: 2 }),
  casing: fc.constantFrom<Printed["casing"]>("upper", "lower"),
  breaks: fc.array(BREAK, { minLength: 12, maxLength: 12 }),
}).map(({ keyword, heredocs, flags, words, ...layout }): Printed => {
  // Only these take heredocs. Quotes that do not pair up hide them, and the backslash is their escape character always.
  if (!["RUN", "COPY", "ADD"].includes(keyword) || heredocs.length === 0) {
    return { ...layout, keyword, flags, words, heredocs: [] };
  }
  return {
    ...layout,
    keyword,
    flags: flags.map((flag) => flag.replaceAll(/["'\\`$]/g, "f")),
    words: words.map((word) => word.replaceAll(/[^a-z]/g, "w")),
    heredocs: heredocs.map(({ name, body }) => ({ name, body: body.map((line) => `${line}\n`).join("") })),
  };
});

Deno.test("readLines() [1.4] reads back what was printed, however it was laid out", () => {
  const layout = fc.record({
    escape: ESCAPE,
    end: fc.constantFrom("\n", "\r\n"),
    mark: fc.constantFrom("", "\ufeff"),
    last: fc.boolean(),
  });
  fc.assert(
    fc.property(
      fc.array(INSTRUCTION, { minLength: 1, maxLength: 5 }),
      layout,
      (instructions, { escape, end, mark, last }) => {
        const printed = instructions.map((each) => print(each, escape));
        const text = [...escape === "`" ? ["# escape=`"] : [], "#", ...printed.flat()];
        const source = mark + text.join("\n").replaceAll("\n", end) + (last ? end : "");
        const { lines } = readLines(source, "Dockerfile");
        assert.deepEqual(lines.map(contentOf), instructions.map((each) => expectedOf(each, end)), source);
        let next = escape === "`" ? 3 : 2;
        for (const [at, { range }] of lines.entries()) {
          const comments = instructions[at]?.comments.length ?? 0;
          const count = (printed[at] ?? []).join("\n").split("\n").length;
          assert.deepEqual([range.startLine, range.endLine], [next + comments, next + count - 1], source);
          next += count;
        }
      },
    ),
    { numRuns: 500 },
  );
});

/** Returns the lines of an instruction, its comments in front. */
function print({ keyword, flags, words, heredocs, comments, casing, breaks }: Printed, escape: Escape): string[] {
  const parts = [
    casing === "upper" ? keyword : keyword.toLowerCase(),
    ...flags.map((flag) => `--${quoteFlag(flag, escape)}`),
    ...words,
    ...heredocs.map(({ name }) => `<<${name}`),
  ];
  const text = parts.map((part, at) => {
    if (at === parts.length - 1) return part;
    switch (breaks[at % breaks.length]) {
      case "continued":
        // Right behind another escape character it would not continue the line.
        return part.endsWith(escape) ? `${part} ${escape}\n` : `${part}${escape}\n `;
      case "comment inside":
        return `${part} ${escape}  \n  # comment ${escape}\n`;
      case "blank line inside":
        return `${part} ${escape}\n\n`;
      default:
        return `${part} `;
    }
  }).join("");
  const bodies = heredocs.map(({ name, body }) => body + name);
  return [...comments.map((comment) => `# ${comment}`), [text, ...bodies].join("\n")];
}

/** Every special character behind an escape, blanks in quotes. */
function quoteFlag(flag: string, escape: Escape): string {
  return Array.from(flag, (char) => char === " " ? '" "' : `"'\\\``.includes(char) ? escape + char : char).join("");
}

interface Content {
  readonly keyword: string;
  readonly flags: readonly string[];
  readonly words: readonly string[];
  readonly heredocs: readonly { readonly name: string; readonly body: string }[];
  readonly comments: readonly string[];
}

function contentOf({ keyword, flags, rest, heredocs, comments }: LogicalLine): Content {
  return {
    keyword,
    flags,
    words: rest.split(/ +/),
    heredocs: heredocs.map(({ name, raw }) => ({ name, body: raw })),
    comments,
  };
}

function expectedOf({ keyword, flags, words, heredocs, comments }: Printed, end: string): Content {
  return {
    keyword,
    flags: flags.map((flag) => `--${flag}`),
    words: [...words, ...heredocs.map(({ name }) => `<<${name}`)],
    heredocs: heredocs.map(({ name, body }) => ({ name, body: body.replaceAll("\n", end) })),
    comments,
  };
}

const TEXT = fc.string({
  unit: fc.oneof(
    fc.constantFrom('"', "'", "\\", "`", "$", "{", "}", " ", "=", "#", "\t"),
    fc.string({ minLength: 1, maxLength: 1 }),
  ),
  maxLength: 12,
}).filter((text) => !/[\0\r\n]/.test(text) && text.isWellFormed());

Deno.test("parseNameValues() [3.5/1] reads back every value in quotes", () => {
  const name = fc.stringMatching(/^[a-zA-Z_][a-zA-Z_.-]{0,5}$/);
  fc.assert(fc.property(fc.array(fc.tuple(name, TEXT), { minLength: 1, maxLength: 4 }), ESCAPE, (pairs, escape) => {
    const quoted = pairs.map(([key, value]) =>
      `${key}="${value.replaceAll(/["$\\`]/g, (char) => quoteIn(char, escape))}"`
    );
    const text = `${escape === "`" ? "# escape=`\n" : ""}ENV ${quoted.join(" ")}\n`;
    const [line] = readLines(text, "Dockerfile").lines;
    assert.ok(line !== undefined);
    const read = parseNameValues(line).map(({ name: key, value }) => [
      key,
      expandWord(value, { variable: () => undefined, escape }).text,
    ]);
    assert.deepEqual(read, pairs.map(([key, value]) => [key, value]), text);
  }));
});

/** Between double quotes the escape character is one only in front of itself, `$` and `"`. */
function quoteIn(char: string, escape: Escape): string {
  return char === '"' || char === "$" || char === escape ? escape + char : char;
}

Deno.test("parsePaths() [1.6/1] reads back every JSON array", () => {
  fc.assert(fc.property(fc.array(fc.string({ unit: "grapheme" }), { minLength: 2, maxLength: 4 }), (words) => {
    const [line] = readLines(`COPY ${JSON.stringify(words)}\n`, "Dockerfile").lines;
    assert.deepEqual(parsePaths(line?.rest ?? ""), { json: true, words: words.map((word) => word.toWellFormed()) });
  }));
});
