/**
 * Brackets and backslashes in `.dockerignore`, as the regular expressions have them that BuildKit makes of its patterns:
 * `[[:alpha:]]` and `\d` are classes, `\t` and `\x41` are characters.
 *
 * @module
 */
import { asciiOf, type BadGlob, type Range, type Token } from "./glob.ts";

type Pairs = readonly (readonly [low: string, high: string])[];

const DIGITS: Pairs = [["0", "9"]];
const WORD: Pairs = [...DIGITS, ["A", "Z"], ["_", "_"], ["a", "z"]];

/** Behind a backslash; in upper case the opposite. */
const LETTERS: Readonly<Record<string, Pairs>> = {
  d: DIGITS,
  s: [["\t", "\n"], ["\f", "\r"], [" ", " "]],
  w: WORD,
};

/** In brackets, between `[:` and `:]`; with a `^` the opposite. */
const NAMED: Readonly<Record<string, Pairs>> = {
  alnum: [...DIGITS, ["A", "Z"], ["a", "z"]],
  alpha: [["A", "Z"], ["a", "z"]],
  ascii: [["\0", "\x7f"]],
  blank: [["\t", "\t"], [" ", " "]],
  cntrl: [["\0", "\x1f"], ["\x7f", "\x7f"]],
  digit: DIGITS,
  graph: [["!", "~"]],
  lower: [["a", "z"]],
  print: [[" ", "~"]],
  punct: [["!", "/"], [":", "@"], ["[", "`"], ["{", "~"]],
  space: [["\t", "\r"], [" ", " "]],
  upper: [["A", "Z"]],
  word: WORD,
  xdigit: [...DIGITS, ["A", "F"], ["a", "f"]],
};

const CONTROLS: Readonly<Record<string, number>> = { a: 7, f: 12, n: 10, r: 13, t: 9, v: 11 };

/** Letters whose meaning is not kept: they stand for themselves. */
const PLAIN = /[ABQPbpz]/;

const MAX_POINT = 0x10ffff;

interface Found {
  readonly token: Token;
  readonly end: number;
}

/** Reads one bracket class that filepath.Match accepts; `at` is the index behind the opening bracket. */
export function readExpressionClass(points: readonly number[], at: number): Found | BadGlob {
  const negated = asciiOf(points[at]) === "^";
  const ranges: Range[] = [];
  let next = negated ? at + 1 : at;
  while (asciiOf(points[next]) !== "]") {
    if (next >= points.length) return { bad: "a bracket is not closed" };
    const named = namedAt(points, next);
    const found = named ?? readPoint(points, next);
    if ("bad" in found) return found;
    next = found.end;
    if ("ranges" in found) {
      ranges.push(...found.ranges);
      continue;
    }
    let high = found.point;
    if (asciiOf(points[next]) === "-") {
      const end = readPoint(points, next + 1);
      if ("bad" in end) return end;
      if (end.point < found.point) return { bad: "a range in brackets ends before it starts" };
      high = end.point;
      next = end.end;
    }
    ranges.push({ low: found.point, high });
  }
  return { token: { kind: "class", negated, ranges }, end: next + 1 };
}

/** Reads what is behind a backslash outside brackets; `at` is its index. */
export function readExpressionEscape(points: readonly number[], at: number): Found | BadGlob {
  const letter = asciiOf(points[at]);
  const pairs = LETTERS[letter.toLowerCase()];
  if (pairs !== undefined) {
    const negated = letter !== letter.toLowerCase();
    return { token: { kind: "class", negated, ranges: rangesOf(pairs) }, end: at + 1 };
  }
  const found = readEscaped(points, at);
  return "bad" in found ? found : { token: { kind: "char", point: found.point }, end: found.end };
}

/** A class in brackets that has a name or a letter. */
function namedAt(
  points: readonly number[],
  at: number,
): { readonly ranges: readonly Range[]; readonly end: number } | BadGlob | undefined {
  const letter = asciiOf(points[at]) === "\\" ? asciiOf(points[at + 1]) : "";
  const pairs = LETTERS[letter.toLowerCase()];
  if (pairs !== undefined) {
    const ranges = rangesOf(pairs);
    return { ranges: letter === letter.toLowerCase() ? ranges : othersThan(ranges), end: at + 2 };
  }
  if (asciiOf(points[at]) !== "[" || asciiOf(points[at + 1]) !== ":") return undefined;
  const text = points.slice(at + 2).map((point) => asciiOf(point) || "\uffff").join("");
  const length = text.indexOf(":]");
  if (length < 0) return undefined;
  const [, not, name = ""] = /^(\^?)(.*)$/s.exec(text.slice(0, length)) ?? [];
  const members = NAMED[name];
  if (members === undefined) return { bad: `there is no class "[:${name}:]"` };
  const ranges = rangesOf(members);
  return { ranges: not === "^" ? othersThan(ranges) : ranges, end: at + 2 + length + 2 };
}

function readPoint(points: readonly number[], at: number): { readonly point: number; readonly end: number } | BadGlob {
  if (asciiOf(points[at]) === "\\") return readEscaped(points, at + 1);
  const point = points[at];
  return point === undefined ? { bad: "a bracket is not closed" } : { point, end: at + 1 };
}

function readEscaped(
  points: readonly number[],
  at: number,
): { readonly point: number; readonly end: number } | BadGlob {
  const char = asciiOf(points[at]);
  const digits = points.slice(at, at + 3).map(asciiOf).join("");
  const octal = /^(?:0[0-7]{0,2}|[1-7][0-7]{1,2})/.exec(digits)?.[0];
  const hex = /^x([0-9a-fA-F]{2})/.exec(digits)?.[1];
  const control = CONTROLS[char];
  if (octal !== undefined) return { point: parseInt(octal, 8), end: at + octal.length };
  if (hex !== undefined) return { point: parseInt(hex, 16), end: at + 3 };
  if (control !== undefined) return { point: control, end: at + 1 };
  const point = points[at];
  if (point === undefined || char === "" || /[0-9A-Za-z]/.test(char) && !PLAIN.test(char)) {
    return { bad: `"\\${char}" means nothing` };
  }
  return { point, end: at + 1 };
}

function rangesOf(pairs: Pairs): readonly Range[] {
  return pairs.map(([low, high]) => ({ low: low.charCodeAt(0), high: high.charCodeAt(0) }));
}

/** Ranges are in ascending order and do not touch. */
function othersThan(ranges: readonly Range[]): readonly Range[] {
  const others: Range[] = [];
  let low = 0;
  for (const range of ranges) {
    if (range.low > low) others.push({ low, high: range.low - 1 });
    low = range.high + 1;
  }
  return [...others, { low, high: MAX_POINT }];
}
