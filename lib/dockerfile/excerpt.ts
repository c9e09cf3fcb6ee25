/**
 * The excerpt of a Dockerfile around a fault, as compilers show it (dockerfile.md 1.9):
 *
 *     Dockerfile:3
 *     --------------------
 *        1 |     FROM debian
 *        2 |
 *        3 | >>> RNU true
 *     --------------------
 *
 * @module
 */
import { escapeControls } from "../report/escape.ts";
import type { SourceRange } from "./source.ts";

const RULE = "--------------------";

/** Of a longer instruction the first lines are shown. */
const MAX_LINES = 40;

/** Longer lines are cut: an excerpt is for a screen. */
const MAX_SHOWN = 400;

/**
 * Returns the excerpt, every line with its line end; empty when the ranges lie outside the text. Around a single line
 * there are up to four more lines, around several two. Control characters are shown escaped, never sent on.
 */
export function formatExcerpt(text: string, ranges: readonly SourceRange[]): string {
  const lines = text.split("\n").map((line) => line.endsWith("\r") ? line.slice(0, -1) : line);
  // The line feed at the end of a file starts no line.
  if (lines.length > 1 && lines.at(-1) === "") lines.pop();
  const [first] = ranges;
  const start = Math.min(...ranges.map((range) => range.startLine));
  const end = Math.min(Math.max(...ranges.map((range) => range.endLine)), lines.length);
  if (first === undefined || start < 1 || start > lines.length) return "";
  const [from, last] = pad(start, end, lines.length);
  const to = Math.min(last, from + MAX_LINES - 1);
  const shown = lines.slice(from - 1, to).map((line, at) => {
    const number = from + at;
    const marked = ranges.some((range) => range.startLine <= number && number <= range.endLine);
    return ` ${String(number).padStart(3)} | ${marked ? ">>>" : "   "} ${showLine(line)}`.trimEnd();
  });
  const more = to < last ? [`     | ... ${last - to} more lines`] : [];
  return [`${escapeControls(first.file)}:${start}`, RULE, ...shown, ...more, RULE].map((line) => `${line}\n`).join("");
}

/** Widens a range by turns on both sides, as BuildKit does. */
function pad(start: number, end: number, last: number): readonly [from: number, to: number] {
  const wanted = start === end ? 4 : 2;
  let [from, to] = [start, end];
  // A side that has no more lines still costs one of the turns.
  for (let added = 0; added < wanted; added++) {
    if (from > 1) {
      from--;
      added++;
    }
    if (to < last) {
      to++;
      added++;
    }
  }
  return [from, to];
}

function showLine(line: string): string {
  return escapeControls(line.length <= MAX_SHOWN ? line : `${line.slice(0, MAX_SHOWN).toWellFormed()}...`);
}
