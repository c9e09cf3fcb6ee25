/**
 * The patterns of `${v#p}`, `${v%p}` and `${v/p/r}`: `*` is any run of characters, `?` any one character, a backslash
 * takes the meaning from `*`, `?` and itself, everything else is literal. There are no bracket classes.
 *
 * A pattern is a list of segments with a star between each two. With stars as the only repetition, placing every
 * segment as early as possible is always right, so nothing ever has to be tried twice: no backtracking, whatever the
 * pattern. BuildKit compiles to a regular expression whose `.` does not match a line feed; here it does, as in shells.
 *
 * @module
 */
import { KilnError } from "../errors.ts";

/** A compiled pattern. */
export interface Pattern {
  /** At least one. Neighbours are separated by a star. */
  readonly segments: readonly Segment[];
}

/** Code points, -1 for `?`. */
interface Segment {
  readonly points: readonly number[];
  /** The text, when there is no `?`. */
  readonly literal: string | undefined;
}

interface Match {
  readonly start: number;
  readonly end: number;
}

const ANY = -1;

/** Most comparisons for one segment with `?`; reached only by values and patterns of many kilobytes. */
const MAX_COMPARISONS = 2 ** 30;

/**
 * Compiles a pattern. As in the word lexer, errors here say no more than what is wrong.
 *
 * @throws {KilnError} kind `dockerfile`, if a backslash stands before anything but `*`, `?`, `\`, `/` and `}`.
 */
export function compilePattern(text: string): Pattern {
  const segments: Segment[] = [];
  let points: number[] = [];
  const chars = Array.from(text);
  for (let at = 0; at < chars.length; at++) {
    let char = chars[at] ?? "";
    if (char === "*") {
      segments.push(segment(points));
      points = [];
      continue;
    }
    if (char === "?") {
      points.push(ANY);
      continue;
    }
    if (char === "\\") {
      char = chars[++at] ?? "";
      if (!["*", "?", "\\", "/", "}"].includes(char)) {
        const state = char === "" ? 'ends with "\\"' : `has the unknown escape "\\${char}"`;
        throw new KilnError("dockerfile", `the pattern "${text.slice(0, 100)}" ${state}`, {
          hint: "a backslash may stand before *, ?, \\, / and }",
        });
      }
    }
    points.push(char.codePointAt(0) ?? 0);
  }
  segments.push(segment(points));
  return { segments };
}

/** Removes the shortest or longest prefix that matches. */
export function trimPrefix(value: string, pattern: Pattern, extent: "shortest" | "longest"): string {
  const end = matchAt(value, pattern, { start: 0, extent });
  return end === undefined ? value : value.slice(end);
}

/** Removes the shortest or longest suffix that matches. */
export function trimSuffix(value: string, pattern: Pattern, extent: "shortest" | "longest"): string {
  const mirrored = pattern.segments.map(({ points }) => segment([...points].reverse())).reverse();
  return reverse(trimPrefix(reverse(value), { segments: mirrored }, extent));
}

/** How to replace. */
export interface Replacing {
  /** Text; where all matches are replaced, a template as for Go's regular expressions: `$0` is what matched. */
  readonly replacement: string;
  readonly matches: "first" | "all";
  /** Most characters of the result. */
  readonly limit: number;
}

/**
 * Replaces the first match, the longest at its place, or all of them.
 *
 * @throws {KilnError} kind `dockerfile`, if the result becomes too long.
 */
export function replaceMatches(value: string, pattern: Pattern, options: Replacing): string {
  const template = options.matches === "all" ? parseTemplate(options.replacement) : [options.replacement];
  let result = "";
  let copied = 0;
  let from = 0;
  while (from <= value.length) {
    const match = findMatch(value, pattern, from);
    if (match === undefined) break;
    const isEmpty = match.start === match.end;
    // An empty match right behind another match does not count.
    if (!isEmpty || match.end > copied || match.start === 0) {
      const matched = value.slice(match.start, match.end);
      result += value.slice(copied, match.start) + template.map((part) => part === WHOLE ? matched : part).join("");
      copied = match.end;
      if (result.length > options.limit) {
        throw new KilnError("dockerfile", `it becomes longer than ${options.limit} characters`);
      }
      if (options.matches === "first") break;
    }
    from = isEmpty ? nextPoint(value, match.end) : match.end;
  }
  return result + value.slice(copied);
}

/** What matched, in a template. */
const WHOLE = Symbol("what matched");

/**
 * Reads a template: `$$` is a dollar, `$0` and `${0}` are what matched, any other name or number is empty, since there
 * are no groups; a dollar without a name is text.
 */
function parseTemplate(text: string): readonly (string | typeof WHOLE)[] {
  const parts: (string | typeof WHOLE)[] = [];
  let copied = 0;
  for (const found of text.matchAll(/\$(?:\$|([\p{L}\p{Nd}_]+)|\{([\p{L}\p{Nd}_]+)\})/gu)) {
    parts.push(text.slice(copied, found.index));
    if (found[0] === "$$") parts.push("$");
    else if ((found[1] ?? found[2]) === "0") parts.push(WHOLE);
    copied = found.index + found[0].length;
  }
  return [...parts, text.slice(copied)];
}

/** Returns the leftmost match at or behind `from`, the longest of those that start there. */
function findMatch(value: string, pattern: Pattern, from: number): Match | undefined {
  const [first, ...rest] = pattern.segments;
  if (first === undefined) return undefined;
  const start = findFirst(value, first, from)?.start;
  if (start === undefined) return undefined;
  if (rest.length === 0) return { start, end: matchSegment(value, first, start) ?? start };
  // Where the rest does not follow the first occurrence it follows no later one either.
  const end = matchAt(value, pattern, { start, extent: "longest" });
  return end === undefined ? undefined : { start, end };
}

/** Returns where a match that starts at `start` ends. */
function matchAt(
  value: string,
  pattern: Pattern,
  options: { readonly start: number; readonly extent: "shortest" | "longest" },
): number | undefined {
  const [first, ...rest] = pattern.segments;
  const last = rest.pop();
  let end = first === undefined ? undefined : matchSegment(value, first, options.start);
  if (end === undefined || last === undefined) return end;
  for (const middle of rest) {
    end = findFirst(value, middle, end)?.end;
    if (end === undefined) return undefined;
  }
  const find = options.extent === "longest" ? findLast : findFirst;
  return find(value, last, end)?.end;
}

function findFirst(value: string, { points, literal }: Segment, from: number): Match | undefined {
  if (literal !== undefined) {
    const start = value.indexOf(literal, from);
    return start < 0 ? undefined : { start, end: start + literal.length };
  }
  checkEffort(value.length - from, points.length);
  for (let start = from; start < value.length; start = nextPoint(value, start)) {
    const end = matchSegment(value, { points, literal }, start);
    if (end !== undefined) return { start, end };
  }
  return undefined;
}

function findLast(value: string, { points, literal }: Segment, from: number): Match | undefined {
  if (literal !== undefined) {
    const start = value.lastIndexOf(literal);
    return start < from ? undefined : { start, end: start + literal.length };
  }
  checkEffort(value.length - from, points.length);
  for (let start = value.length; start >= from; start--) {
    if (isInsidePoint(value, start)) continue;
    const end = matchSegment(value, { points, literal }, start);
    if (end !== undefined) return { start, end };
  }
  return undefined;
}

/** Returns the end of a segment that stands exactly at `start`. */
function matchSegment(value: string, { points, literal }: Segment, start: number): number | undefined {
  if (literal !== undefined) return value.startsWith(literal, start) ? start + literal.length : undefined;
  let at = start;
  for (const point of points) {
    const found = value.codePointAt(at);
    if (found === undefined || (point !== ANY && point !== found)) return undefined;
    at += found > 0xffff ? 2 : 1;
  }
  return at;
}

function checkEffort(value: number, pattern: number): void {
  if (value * pattern <= MAX_COMPARISONS) return;
  throw new KilnError("dockerfile", `to match ${pattern} characters with "?" in a value of ${value} takes too long`);
}

function segment(points: readonly number[]): Segment {
  return { points, literal: points.includes(ANY) ? undefined : points.map((p) => String.fromCodePoint(p)).join("") };
}

function nextPoint(value: string, at: number): number {
  return at + ((value.codePointAt(at) ?? 0) > 0xffff ? 2 : 1);
}

function isInsidePoint(value: string, at: number): boolean {
  return at > 0 && (value.codePointAt(at - 1) ?? 0) > 0xffff;
}

function reverse(text: string): string {
  return Array.from(text).reverse().join("");
}
