/**
 * The wildcards of COPY and ADD: Go's filepath.Match on byte strings. `*` and `?` never match a slash, `[a-z]` and
 * `[^a-z]` are classes, a backslash makes the next character literal; there is no `**`.
 *
 * @module
 */
import { KilnError } from "../errors.ts";
import { type BytePath, displayPath } from "../io/byte_path.ts";
import { asciiOf, type BadGlob, matchesGlob, pointsOf, readClass, type Token } from "./glob.ts";

/** A compiled pattern, to be used on many paths. */
export interface PathPattern {
  matches(path: BytePath): boolean;
}

/** Tells whether a path has a wildcard that no backslash protects. */
export function hasWildcard(path: BytePath): boolean {
  return /[*?[]/.test(path.replace(/\\./gs, ""));
}

/**
 * Compiles a pattern.
 *
 * @throws {KilnError} kind `dockerfile`, if it is malformed.
 */
export function compilePathPattern(pattern: BytePath): PathPattern {
  const tokens = readTokens(pattern);
  if ("bad" in tokens) {
    throw new KilnError("dockerfile", `Cannot match "${displayPath(pattern)}": ${tokens.bad}`, {
      hint: "a literal [ is written [[] or \\[",
    });
  }
  return { matches: (path) => matchesGlob(tokens, path) };
}

/** Tells whether a whole path matches a pattern. Throws as `compilePathPattern`. */
export function matchPath(pattern: BytePath, path: BytePath): boolean {
  return compilePathPattern(pattern).matches(path);
}

function readTokens(pattern: BytePath): readonly Token[] | BadGlob {
  const points = pointsOf(pattern);
  const tokens: Token[] = [];
  for (let at = 0; at < points.length; at++) {
    const char = asciiOf(points[at]);
    if (char === "*") {
      if (tokens.at(-1)?.kind !== "star") tokens.push({ kind: "star" });
    } else if (char === "?") tokens.push({ kind: "any" });
    else if (char === "[") {
      const found = readClass(points, at + 1);
      if ("bad" in found) return found;
      tokens.push(found.token);
      at = found.end - 1;
    } else {
      const point = points[char === "\\" ? ++at : at];
      if (point === undefined) return { bad: "it ends with a backslash" };
      tokens.push({ kind: "char", point });
    }
  }
  return tokens;
}
