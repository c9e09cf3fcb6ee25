/**
 * @module
 */
import assert from "node:assert/strict";
import fc from "../../support/fast_check.ts";
import { LineSplitter, LONGEST_LINE } from "../../../lib/report/line_splitter.ts";
import { bytes } from "./fake_world.ts";

function split(...chunks: readonly (string | Uint8Array)[]): string[] {
  const lines: string[] = [];
  const splitter = new LineSplitter((line) => void lines.push(new TextDecoder().decode(line)));
  for (const chunk of chunks) splitter.write(typeof chunk === "string" ? bytes(chunk) : chunk);
  splitter.end();
  return lines;
}

const CASES: readonly (readonly [name: string, chunks: readonly string[], lines: readonly string[]])[] = [
  ["passes on nothing of nothing", [], []],
  ["ends lines at LF", ["a\nb\n"], ["a", "b"]],
  ["keeps empty lines", ["\n\na\n\n"], ["", "", "a", ""]],
  ["ends lines at CRLF", ["a\r\nb\r\n"], ["a", "b"]],
  ["puts a line together from chunks", ["a", "b", "c\nd", "\n"], ["abc", "d"]],
  ["knows a CRLF that two chunks share", ["a\r", "\nb"], ["a", "b"]],
  ["flushes a last line without an end", ["a\nb"], ["a", "b"]],
  ["keeps the last drawing of a progress bar", ["10%\r50%\r100%\n"], ["100%"]],
  ["keeps the last drawing when the bar ends in CR", ["10%\r100%\r"], ["100%"]],
  ["keeps the last drawing before CRLF", ["10%\r100%\r\n"], ["100%"]],
  ["takes several CR before LF for one line end", ["a\r\r\n"], ["a"]],
  ["keeps bytes that are no text", ["\x00\x1b[1m\n"], ["\x00\x1b[1m"]],
];
for (const [name, chunks, lines] of CASES) {
  Deno.test(`LineSplitter, ${name}`, () => assert.deepEqual(split(...chunks), lines));
}

Deno.test("LineSplitter, passes a line of just the longest length on as one", () => {
  assert.deepEqual(split("x".repeat(LONGEST_LINE) + "\ny"), ["x".repeat(LONGEST_LINE), "y"]);
});

Deno.test("LineSplitter, passes a longer line on in pieces that lose nothing", () => {
  const line = "abc".repeat(LONGEST_LINE);
  const pieces = split(line.slice(0, 7), line.slice(7) + "\nnext\n");
  assert.equal(pieces.pop(), "next");
  assert.equal(pieces.length, 3);
  assert.equal(pieces.join(""), line);
});

Deno.test("LineSplitter, breaks a long line between characters", () => {
  for (const char of ["é", "€", "😀"]) {
    for (const start of ["", "a", "aa", "aaa"]) {
      const line = start + char.repeat(LONGEST_LINE / 2);
      assert.equal(split(line).join(""), line, `${char} after ${start.length}`);
    }
  }
});

Deno.test("LineSplitter, breaks a long line of bytes that are no UTF-8", () => {
  const pieces: number[] = [];
  const splitter = new LineSplitter((line) => void pieces.push(line.length));
  splitter.write(new Uint8Array(LONGEST_LINE * 2 + 5).fill(0x80));
  splitter.end();
  assert.equal(pieces.reduce((sum, length) => sum + length, 0), LONGEST_LINE * 2 + 5);
});

Deno.test("LineSplitter, forgets a progress bar that goes on for ever", () => {
  const frames = Array.from({ length: 5000 }, (_, at) => `\r[frame ${at}]`);
  assert.deepEqual(split(...frames, "\n"), ["[frame 4999]"]);
});

Deno.test("LineSplitter, gives the same lines whatever the chunks are", () => {
  const text = fc.string({ unit: fc.constantFrom("a", "b", "\n", "\r", "é") });
  fc.assert(fc.property(text, fc.array(fc.nat(40)), (whole, cuts) => {
    const at = [...new Set(cuts)].sort((a, b) => a - b);
    const all = bytes(whole);
    const chunks = [0, ...at].map((start, index) => all.subarray(start, at[index] ?? all.length));
    assert.deepEqual(split(...chunks), split(whole));
  }));
});
