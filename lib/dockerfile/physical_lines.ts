/**
 * From the bytes of a Dockerfile to its physical lines.
 *
 * @module
 */
import { KilnError } from "../errors.ts";
import type { SourceRange } from "./source.ts";

/** The most bytes in one line, its line feed not counted; BuildKit's limit. */
export const MAX_LINE_BYTES = 65_535;

/** The most bytes in a Dockerfile. BuildKit's transport has the same limit. */
export const MAX_FILE_BYTES = 16 * 1024 * 1024;

const LINE_FEED = 0x0a;

/**
 * Splits a source into lines that keep their line ends. A byte order mark at the start is dropped.
 *
 * @throws {KilnError} kind `dockerfile`, if the source or a line of it is too long, or a line is not UTF-8 or has a NUL.
 */
export function splitPhysicalLines(source: Uint8Array, file: string): readonly string[] {
  if (source.length > MAX_FILE_BYTES) {
    throw new KilnError(
      "dockerfile",
      `Cannot read "${file}": it has ${source.length} bytes, ${MAX_FILE_BYTES} at most`,
    );
  }
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const lines: string[] = [];
  let start = 0;
  while (start < source.length) {
    const feed = source.indexOf(LINE_FEED, start);
    const end = feed < 0 ? source.length : feed;
    if (end - start > MAX_LINE_BYTES) {
      const state = `the line has ${end - start} bytes, ${MAX_LINE_BYTES} at most`;
      throw new KilnError("dockerfile", `Cannot read "${file}": ${state}`, {
        range: lineRange(file, lines.length + 1),
      });
    }
    const next = Math.min(end + 1, source.length);
    try {
      lines.push(decoder.decode(source.subarray(start, next)));
    } catch {
      const range = lineRange(file, lines.length + 1);
      throw new KilnError("dockerfile", `Cannot read "${file}": the line is not UTF-8 text`, { range });
    }
    start = next;
  }
  const nul = source.includes(0) ? lines.findIndex((line) => line.includes("\0")) : -1;
  if (nul >= 0) {
    // No path, variable or argument can hold one: the kernel's strings end there.
    throw new KilnError("dockerfile", `Cannot read "${file}": the line has a NUL character`, {
      range: lineRange(file, nul + 1),
      hint: "save the file as UTF-8 text",
    });
  }
  if (lines[0]?.startsWith("\ufeff")) lines[0] = lines[0].slice(1);
  return lines;
}

/** Removes the line end: any mix of CR and LF. */
export function trimLineEnd(line: string): string {
  let end = line.length;
  while (end > 0 && (line[end - 1] === "\n" || line[end - 1] === "\r")) end--;
  return line.slice(0, end);
}

/** Returns the range of one line. */
export function lineRange(file: string, line: number): SourceRange {
  return { file, startLine: line, endLine: line };
}
