/**
 * BuildKit's tables of what its parser and its word expansion make of texts, in `buildkit/`.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path/posix";
import { dumpDockerfile } from "../../../lib/dockerfile/debug_dump.ts";
import { expandWord, expandWords } from "../../../lib/dockerfile/expand_word.ts";
import { readLines } from "../../../lib/dockerfile/read_lines.ts";
import { KilnError } from "../../../lib/errors.ts";

const DATA = join(import.meta.dirname ?? "", "buildkit");

function linesOf(name: string): readonly string[] {
  return Deno.readTextFileSync(join(DATA, name)).split("\n").filter((line) => !line.startsWith("#") && line !== "");
}

function foldersIn(name: string): readonly string[] {
  return [...Deno.readDirSync(join(DATA, name))].map((entry) => entry.name).sort();
}

for (const name of foldersIn("testfiles")) {
  Deno.test(`dumpDockerfile() [1.6] is BuildKit's dump: ${name}`, () => {
    const folder = join(DATA, "testfiles", name);
    const dump = dumpDockerfile(Deno.readFileSync(join(folder, "Dockerfile")), "Dockerfile");
    assert.equal(dump, Deno.readTextFileSync(join(folder, "result")));
  });
}

for (const name of foldersIn("testfiles-negative")) {
  Deno.test(`dumpDockerfile() [1.6] refuses what BuildKit refuses: ${name}`, () => {
    const source = Deno.readFileSync(join(DATA, "testfiles-negative", name, "Dockerfile"));
    assert.throws(() => dumpDockerfile(source, "Dockerfile"), KilnError);
  });
}

Deno.test("readLines() [1.9/1] gives instructions BuildKit's lines", () => {
  const { lines } = readLines(Deno.readFileSync(join(DATA, "testfile-line/Dockerfile")), "Dockerfile");
  assert.deepEqual(lines.map(({ range }) => [range.startLine, range.endLine]), [[5, 5], [11, 12], [17, 31]]);
});

Deno.test("expandWord() [2.2] gives BuildKit's results for its 230 rows", () => {
  const variables = new Map([["PWD", "/home"], ["SHELL", "bash"], ["KOREAN", "한국어"], ["NULL", ""]]);
  const rows = linesOf("envVarTest").map((line) => line.split("|").map((field) => field.trim()));
  // A is for all systems, U for Unix, W for Windows, whose variables have no case.
  const ours = rows.filter(([tag]) => tag !== "W");
  assert.deepEqual([rows.length, ours.length], [230, 228]);
  for (const [, input = "", expected] of ours) {
    const result = resultOf(() => expandWord(input, { variable: (name) => variables.get(name), escape: "\\" }).text);
    assert.equal(result, expected, input);
  }
});

Deno.test("expandWords() [2.2] gives BuildKit's results for its 24 rows", () => {
  const variables = new Map<string, string>();
  let rows = 0;
  for (const line of linesOf("wordsTest")) {
    const setting = /^ENV (\w+)=(.*)$/.exec(line);
    if (setting !== null) {
      variables.set(setting[1] ?? "", setting[2] ?? "");
      continue;
    }
    rows++;
    // Blanks count but for the one behind the bar and those in front of it.
    const [input = "", expected = ""] = line.split("|");
    const words = (): readonly string[] =>
      expandWords(input.trim(), { variable: (name) => variables.get(name), escape: "\\" }).words;
    assert.equal(resultOf(() => words().join(",")), expected.trimStart(), line);
  }
  assert.equal(rows, 24);
});

function resultOf(body: () => string): string {
  try {
    return body();
  } catch (error) {
    if (error instanceof KilnError) return "error";
    throw error;
  }
}
