/**
 * Globs over byte strings: what COPY's wildcards and `.dockerignore` share.
 *
 * A glob is a list of tokens. Matching follows all possible positions in that list at once, character by character
 * (a non-deterministic automaton), so its time is bounded by the length of the path times that of the glob, whatever
 * the pattern: `**` or `*` repeated hundreds of times costs nothing special (attack S43). A character is a UTF-8
 * sequence, or a single byte where the name is not UTF-8.
 *
 * @module
 */
import { type BytePath, bytePathOf } from "../io/byte_path.ts";

/** One step of a glob. */
export type Token =
  /** Exactly this character. */
  | { readonly kind: "char"; readonly point: number }
  /** `?`: any character but a slash. */
  | { readonly kind: "any" }
  /** `[a-z]`, `[^a-z]`: any character in or outside the ranges, slash included. */
  | { readonly kind: "class"; readonly negated: boolean; readonly ranges: readonly Range[] }
  /** `*`: any run without a slash. */
  | { readonly kind: "star" }
  /** `**` with something behind it: nothing, or any run that ends with a slash. */
  | { readonly kind: "deep" }
  /** `**` at the end: any run. */
  | { readonly kind: "rest" };

/** Characters from `low` to `high`, both included. */
export interface Range {
  readonly low: number;
  readonly high: number;
}

/** A pattern that is not a glob, and why. Callers turn it into an error of their own. */
export interface BadGlob {
  readonly bad: string;
}

const SLASH = 0x2f;
/** Bytes that are not part of UTF-8 text count as characters beyond Unicode. */
const STRAY_BYTES = 0x110000;

/**
 * Reads one bracket class; `at` is the index behind the opening bracket. A class is never empty, and `-` and `]` stand
 * for themselves only behind a backslash, as in Go's filepath.Match.
 */
export function readClass(points: readonly number[], at: number): { token: Token; end: number } | BadGlob {
  const negated = points[at] === 0x5e;
  const ranges: Range[] = [];
  let next = negated ? at + 1 : at;
  while (points[next] !== 0x5d || ranges.length === 0) {
    const low = readClassPoint(points, next);
    if ("bad" in low) return low;
    next = low.end;
    let high = low;
    if (points[next] === 0x2d) {
      const end = readClassPoint(points, next + 1);
      if ("bad" in end) return end;
      high = end;
      next = end.end;
    }
    ranges.push({ low: low.point, high: high.point });
  }
  return { token: { kind: "class", negated, ranges }, end: next + 1 };
}

function readClassPoint(points: readonly number[], at: number): { point: number; end: number } | BadGlob {
  const escaped = points[at] === 0x5c;
  const place = escaped ? at + 1 : at;
  const point = points[place];
  if (point === undefined) return { bad: "a bracket is not closed" };
  if (!escaped && (point === 0x2d || point === 0x5d)) {
    return { bad: `"${String.fromCharCode(point)}" stands in the wrong place in brackets` };
  }
  return { point, end: place + 1 };
}

/** Tells whether a whole path matches. */
export function matchesGlob(tokens: readonly Token[], path: BytePath): boolean {
  let states = new StateSet(tokens);
  states.add(0);
  for (const point of pointsOf(path)) {
    const next = new StateSet(tokens);
    for (const state of states.list) step(tokens, { state, point, next });
    if (next.list.length === 0) return false;
    states = next;
  }
  return states.has(tokens.length);
}

/**
 * Positions in a glob, each at most once. State `s` stands in front of token `s`; `-s - 1` stands inside the deep token
 * `s`, whose run has begun and must end with a slash.
 */
class StateSet {
  readonly list: number[] = [];
  readonly #tokens: readonly Token[];
  readonly #seen = new Set<number>();

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  has(state: number): boolean {
    return this.#seen.has(state);
  }

  /** Adds a state and those it may pass on to without reading. */
  add(state: number): void {
    for (let at = state; !this.#seen.has(at); at++) {
      this.#seen.add(at);
      this.list.push(at);
      const kind = at < 0 ? undefined : this.#tokens[at]?.kind;
      if (kind !== "star" && kind !== "deep" && kind !== "rest") return;
    }
  }
}

function step(
  tokens: readonly Token[],
  { state, point, next }: { readonly state: number; readonly point: number; readonly next: StateSet },
): void {
  const at = state < 0 ? -state - 1 : state;
  const token = tokens[at];
  switch (token?.kind) {
    case "char":
      if (token.point === point) next.add(at + 1);
      break;
    case "any":
      if (point !== SLASH) next.add(at + 1);
      break;
    case "class":
      if (token.ranges.some(({ low, high }) => low <= point && point <= high) !== token.negated) next.add(at + 1);
      break;
    case "star":
      if (point !== SLASH) next.add(at);
      break;
    case "rest":
      next.add(at);
      break;
    case "deep":
      next.add(-at - 1);
      if (point === SLASH) next.add(at + 1);
      break;
  }
}

/** Returns an ASCII character as text, "" for any other and at the end: what a pattern's syntax is made of. */
export function asciiOf(point: number | undefined): string {
  return point === undefined || point >= 0x80 ? "" : String.fromCharCode(point);
}

/** Splits a byte string into characters. */
export function pointsOf(text: BytePath): number[] {
  const points: number[] = [];
  for (let at = 0; at < text.length;) {
    const first = text.charCodeAt(at);
    const length = first < 0x80 ? 1 : sequenceLength(text, at);
    points.push(first < 0x80 ? first : length === 1 ? STRAY_BYTES + first : decode(text, at, length));
    at += length;
  }
  return points;
}

/** Returns the length of the UTF-8 sequence at `at`; 1 when there is none. */
function sequenceLength(text: BytePath, at: number): number {
  const first = text.charCodeAt(at);
  const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || at + length > text.length) return 1;
  for (let more = 1; more < length; more++) {
    const byte = text.charCodeAt(at + more);
    if (byte < 0x80 || byte > 0xbf) return 1;
  }
  const point = decode(text, at, length);
  const isShortest = point >= (length === 4 ? 0x10000 : length === 3 ? 0x800 : 0x80);
  const isSurrogate = point >= 0xd800 && point <= 0xdfff;
  return isShortest && !isSurrogate && point <= 0x10ffff ? length : 1;
}

function decode(text: BytePath, at: number, length: number): number {
  let point = text.charCodeAt(at) & (0xff >> (length + 1));
  for (let more = 1; more < length; more++) point = (point << 6) | (text.charCodeAt(at + more) & 0x3f);
  return point;
}

/** Returns the byte string of characters: the inverse of `pointsOf`. */
export function bytesOfPoints(points: readonly number[]): BytePath {
  return points.map((point) => {
    if (point < 0x80) return String.fromCharCode(point);
    if (point >= STRAY_BYTES) return String.fromCharCode(point - STRAY_BYTES);
    return bytePathOf(String.fromCodePoint(point));
  }).join("");
}
