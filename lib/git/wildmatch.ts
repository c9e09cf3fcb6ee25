/**
 * Git's patterns for paths (wildmatch.c with WM_PATHNAME): `*` and `?` stay within a name, `**` as a whole name stands for
 * any number of directories.
 *
 * Neither recursion nor regular expressions: patterns come from strangers, and time is bounded by the product of the
 * lengths (S43).
 *
 * @module
 */
import type { BytePath } from "../io/byte_path.ts";

/** Tells whether a path matches a pattern. */
export function wildmatch(pattern: BytePath, path: BytePath): boolean {
  const wanted = pattern.split("/");
  const names = path.split("/");
  // reached[n]: the first n names match the part of the pattern so far.
  let reached = names.map(() => false).concat(false);
  reached[0] = true;
  for (const [at, part] of wanted.entries()) {
    const next = reached.map(() => false);
    if (part === "**") {
      let open = false;
      for (let count = 0; count <= names.length; count++) {
        const before = open;
        open ||= reached[count] ?? false;
        // At the end it stands for what is in a directory, not for the directory.
        next[count] = at === wanted.length - 1 ? before : open;
      }
    } else {
      for (const [count, name] of names.entries()) {
        if (reached[count] === true && matchName(part, name)) next[count + 1] = true;
      }
    }
    reached = next;
  }
  return reached[names.length] ?? false;
}

/** One name against one part of a pattern; on a mismatch goes back to the last `*` only, which is enough. */
function matchName(pattern: BytePath, name: BytePath): boolean {
  let [at, position] = [0, 0];
  let star = -1;
  let starPosition = 0;
  while (position < name.length) {
    if (pattern[at] === "*") {
      star = at++;
      starPosition = position;
      continue;
    }
    const end = at < pattern.length ? matchOne(pattern, at, name[position] ?? "") : undefined;
    if (end !== undefined) {
      at = end;
      position++;
    } else if (star >= 0) {
      at = star + 1;
      position = ++starPosition;
    } else {
      return false;
    }
  }
  while (pattern[at] === "*") at++;
  return at === pattern.length;
}

/** Matches one character; returns where the pattern goes on, or undefined. */
function matchOne(pattern: BytePath, at: number, char: string): number | undefined {
  switch (pattern[at]) {
    case "?":
      return at + 1;
    case "\\":
      return pattern[at + 1] === char ? at + 2 : undefined;
    case "[":
      return matchSet(pattern, at + 1, char);
    default:
      return pattern[at] === char ? at + 1 : undefined;
  }
}

function matchSet(pattern: BytePath, start: number, char: string): number | undefined {
  let at = start;
  const negated = pattern[at] === "!" || pattern[at] === "^";
  if (negated) at++;
  let found = false;
  for (let first = true; first || pattern[at] !== "]"; first = false) {
    if (pattern[at] === "\\") at++;
    const low = pattern[at];
    if (low === undefined) return undefined;
    at++;
    let high = low;
    if (pattern[at] === "-" && pattern[at + 1] !== "]" && pattern[at + 1] !== undefined) {
      at++;
      if (pattern[at] === "\\") at++;
      high = pattern[at++] ?? "";
    }
    found ||= char >= low && char <= high;
  }
  return found !== negated ? at + 1 : undefined;
}
