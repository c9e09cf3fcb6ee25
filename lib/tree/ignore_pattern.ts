/**
 * One line of a `.dockerignore`: what it says, and its form for the index (dockerfile.md 4.2, 4.3).
 *
 * The original builds regular expressions from patterns, and what they make of brackets and letters behind a backslash
 * counts (`ignore_class.ts`). Not kept: `\b`, `\p` and other letters that are no single characters, `*` and `?` being
 * active between brackets, and names with a line feed never matching `**`.
 *
 * @module
 */
import { posix } from "node:path";
import { type BytePath, bytePathOf, textOf } from "../io/byte_path.ts";
import { asciiOf, type BadGlob, bytesOfPoints, pointsOf, readClass, type Token } from "./glob.ts";
import { readExpressionClass, readExpressionEscape } from "./ignore_class.ts";

/** A pattern, compiled. */
export interface IgnorePattern {
  /** The line it stands in, 1-based. */
  readonly line: number;
  /** Starts with `!`: brings back what it matches. */
  readonly isException: boolean;
  readonly form: Form;
}

/** How a pattern is matched: component by component, or over the whole path when a part of it crosses slashes. */
export type Form =
  | { readonly kind: "components"; readonly components: readonly Component[] }
  | { readonly kind: "whole"; readonly tokens: readonly Token[] };

/** A part of a pattern between slashes. */
export type Component =
  | { readonly kind: "name"; readonly name: BytePath }
  | { readonly kind: "glob"; readonly tokens: readonly Token[]; readonly text: BytePath }
  /** `**`: any number of directories, none included. */
  | { readonly kind: "deep" }
  /** `**` at the end: everything below. */
  | { readonly kind: "rest" };

/**
 * Reads a line, which has no line end any more. Returns undefined for comments and blank lines. A comment has its `#`
 * in the first column.
 */
export function readIgnoreLine(text: BytePath, line: number): IgnorePattern | BadGlob | undefined {
  if (text.startsWith("#")) return undefined;
  const trimmed = trim(text);
  if (trimmed === "") return undefined;
  const isException = trimmed.startsWith("!");
  const pattern = clean(isException ? trim(trimmed.slice(1)) : trimmed);
  if (isException && (pattern === "" || pattern === "/")) return { bad: 'there is no pattern behind the "!"' };
  const tokens = readTokens(pattern);
  return "bad" in tokens ? tokens : { line, isException, form: formOf(tokens) };
}

/**
 * Reads a pattern that is no line of a file. BuildKit tidies these less: nothing matches one with a leading slash, and
 * what is behind a `!` is taken as it stands.
 */
export function readIgnorePattern(text: BytePath, line: number): IgnorePattern | BadGlob | undefined {
  const trimmed = trim(text);
  if (trimmed === "") return undefined;
  const cleaned = normalize(trimmed);
  const isException = cleaned.startsWith("!");
  if (cleaned === "!") return { bad: 'there is no pattern behind the "!"' };
  const tokens = readTokens(isException ? cleaned.slice(1) : cleaned);
  return "bad" in tokens ? tokens : { line, isException, form: formOf(tokens) };
}

/** Removes `.`, `..`, doubled slashes and one leading slash. */
function clean(pattern: BytePath): BytePath {
  if (pattern === "") return "";
  const path = normalize(pattern);
  return path.length > 1 && path.startsWith("/") ? path.slice(1) : path;
}

function normalize(pattern: BytePath): BytePath {
  return posix.normalize(pattern).replace(/(?<=.)\/$/s, "");
}

function readTokens(pattern: BytePath): readonly Token[] | BadGlob {
  const points = pointsOf(pattern);
  const fault = findFault(points);
  if (fault !== undefined) return fault;
  const hasAnchors = isExpression(pattern);
  const tokens: Token[] = [];
  let at = 0;
  while (at < points.length) {
    const char = asciiOf(points[at]);
    if (char === "*" && asciiOf(points[at + 1]) === "*") {
      at += asciiOf(points[at + 2]) === "/" ? 3 : 2;
      // "**name" without other wildcards is a plain suffix; in "**name*" the "**" covers whole directories.
      const isSuffix = at === 2 && !/[*?[\]\\]/.test(pattern.slice(2));
      pushRun(tokens, at === points.length || isSuffix ? "rest" : "deep");
    } else if (char === "[") {
      const found = readExpressionClass(points, at + 1);
      if ("bad" in found) return found;
      tokens.push(found.token);
      at = found.end;
    } else if (char === "\\") {
      const found = readExpressionEscape(points, at + 1);
      if ("bad" in found) return found;
      tokens.push(found.token);
      at = found.end;
    } else if (char === "^" && hasAnchors) {
      // The start of the path: what is in front of it can only be empty, or nothing matches.
      if (tokens.every(({ kind }) => kind === "star" || kind === "deep" || kind === "rest")) tokens.length = 0;
      else tokens.push({ kind: "class", negated: false, ranges: [] });
      at++;
    } else if (char === "*" || char === "?") {
      if (char === "*") pushRun(tokens, "star");
      else tokens.push({ kind: "any" });
      at++;
    } else {
      tokens.push({ kind: "char", point: points[at] ?? 0 });
      at++;
    }
  }
  return tokens;
}

/** Tells whether a pattern has more wildcards than `**` at one of its ends: only those become regular expressions. */
function isExpression(pattern: BytePath): boolean {
  return /[*?[\]\\]/.test(pattern.startsWith("**") ? pattern.replace(/^\*\*\/?/, "") : pattern.replace(/\*\*$/, ""));
}

/** A pattern must first of all be one for Go's filepath.Match. */
function findFault(points: readonly number[]): BadGlob | undefined {
  for (let at = 0; at < points.length; at++) {
    const char = asciiOf(points[at]);
    if (char === "\\" && ++at === points.length) return { bad: "it ends with a backslash" };
    if (char !== "[") continue;
    const found = readClass(points, at + 1);
    if ("bad" in found) return found;
    at = found.end - 1;
  }
  return undefined;
}

/** A run behind an equal run adds nothing. */
function pushRun(tokens: Token[], kind: "star" | "deep" | "rest"): void {
  if (tokens.at(-1)?.kind !== kind) tokens.push({ kind });
}

function formOf(tokens: readonly Token[]): Form {
  const components: Component[] = [];
  let part: Token[] = [];
  for (const [at, token] of tokens.entries()) {
    if (isSlash(token)) {
      if (part.length === 0) return { kind: "whole", tokens };
      components.push(componentOf(part));
      part = [];
    } else if (token.kind === "deep" || token.kind === "rest") {
      if (part.length > 0 || (token.kind === "rest" && at < tokens.length - 1)) return { kind: "whole", tokens };
      components.push({ kind: token.kind });
    } else if (canMatchSlash(token)) {
      return { kind: "whole", tokens };
    } else part.push(token);
  }
  if (part.length > 0) components.push(componentOf(part));
  else if (components.length === 0 || tokens.at(-1)?.kind === "char") return { kind: "whole", tokens };
  return { kind: "components", components };
}

function componentOf(tokens: readonly Token[]): Component {
  const points = tokens.map((token) => token.kind === "char" ? token.point : undefined);
  const plain = points.filter((point) => point !== undefined);
  if (plain.length === tokens.length) return { kind: "name", name: bytesOfPoints(plain) };
  return { kind: "glob", tokens, text: JSON.stringify(tokens) };
}

function isSlash(token: Token): boolean {
  return token.kind === "char" && token.point === 0x2f;
}

function canMatchSlash(token: Token): boolean {
  if (token.kind !== "class") return false;
  return token.negated !== token.ranges.some(({ low, high }) => low <= 0x2f && 0x2f <= high);
}

/** Removes white space from both ends, Unicode's where the line is text. */
function trim(line: BytePath): BytePath {
  const text = textOf(line);
  const chars = text ?? line;
  let [start, end] = [0, chars.length];
  while (start < end && isSpace(chars.charAt(start))) start++;
  while (end > start && isSpace(chars.charAt(end - 1))) end--;
  return text === undefined ? chars.slice(start, end) : bytePathOf(chars.slice(start, end));
}

function isSpace(char: string): boolean {
  return char === "\u0085" || (char !== "\ufeff" && char.trim() === "");
}
