import assert from "node:assert/strict";
import { type AttributeMacros, isLfsPath, parseAttributes } from "../../../lib/git/attributes.ts";
import { wildmatch } from "../../../lib/git/wildmatch.ts";
import { run } from "../../support/environment/command.ts";
import { gitEnvironment } from "../../support/git_repository.ts";

/** Every path with every pattern, as git itself matches them. */
async function matchesOfGit(patterns: readonly string[], paths: readonly string[]): Promise<ReadonlySet<string>> {
  const folder = await Deno.makeTempDir({ prefix: "kiln-attributes-" });
  const env = gitEnvironment();
  try {
    await run(["git", "init", "-q"], { cwd: folder, env });
    const lines = patterns.map((pattern, at) => `"${pattern.replace(/["\\]/g, "\\$&")}" p${at}\n`);
    await Deno.writeTextFile(`${folder}/.gitattributes`, lines.join(""));
    const stdin = paths.map((path) => `${path}\0`).join("");
    const { stdout } = await run(["git", "check-attr", "-a", "-z", "--stdin"], { cwd: folder, env, stdin });
    const fields = stdout.split("\0");
    const found = new Set<string>();
    for (let at = 0; at + 2 < fields.length; at += 3) {
      const pattern = patterns[Number(fields[at + 1]?.slice(1))];
      found.add(`${pattern} ${fields[at]}`);
    }
    return found;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Numbers that look random and are the same every time. */
function* numbers(): Generator<number> {
  for (let state = 1;; state = state * 48_271 % 0x7fff_ffff) yield state;
}

Deno.test("patterns of .gitattributes, match what git matches", async () => {
  const random = numbers();
  const pick = <T>(from: readonly T[]): T => {
    const found = from[(random.next().value ?? 0) % from.length];
    assert(found !== undefined);
    return found;
  };
  const word = (parts: readonly string[], most: number) =>
    Array.from({ length: 1 + (random.next().value ?? 0) % most }, () => pick(parts)).join("");
  const patterns = new Set([
    "**",
    "/**",
    "**/a",
    "a/**",
    "a/**/b",
    "/a",
    "a",
    "*",
    "?",
    "[ab]",
    "[!a]b",
    "\\a",
    "*.b",
    "a*b",
    "**/**",
    "x**",
  ]);
  while (patterns.size < 400) {
    patterns.add(word(["a", "b", "ab", "*", "**", "/", "/**/", "?", "[a-b]", "[!b]", ".", "\\*"], 6));
  }
  // Where "**" is not a whole name, git 2.39 compares pointers of different strings, and may match what its documentation
  // says it does not.
  const usable = [...patterns].filter((pattern) => !/^!|\/\/|\/$|^\[attr\]|\\$|[^/]\*\*|\*\*[^/]/.test(pattern));
  const paths = new Set(["a", "b", "a/b", "a/a/b", "a/x/y/b", "*", "a*b"]);
  while (paths.size < 120) paths.add(word(["a", "b", "ab", "/", "/a", ".", "*"], 7));
  const sound = [...paths].filter((path) => !/^\/|\/\/|\/$|(?:^|\/)\.\.?(?:\/|$)/.test(path));
  const expected = await matchesOfGit(usable, sound);
  const macros: AttributeMacros = new Map();
  for (const pattern of usable) {
    const file = parseAttributes(`"${pattern.replace(/["\\]/g, "\\$&")}" filter=lfs`, "", macros);
    for (const path of sound) {
      assert.equal(isLfsPath(path, [file]), expected.has(`${pattern} ${path}`), `${pattern} with ${path}`);
    }
  }
});

Deno.test("S43 wildmatch(), takes no time for patterns made to take much", () => {
  const started = performance.now();
  assert.equal(wildmatch(`${"*a".repeat(200)}b`, "a".repeat(2_000)), false);
  assert.equal(wildmatch(`${"**/".repeat(200)}b`, "a/".repeat(1_000)), false);
  assert(performance.now() - started < 2_000);
});

Deno.test("isLfsPath(), asks the nearest file first and takes the last line that says something", () => {
  const macros: AttributeMacros = new Map();
  const root = parseAttributes("[attr]big filter=lfs\n*.x big\nsub/*.x -filter\n*.x text\n", "", macros);
  const sub = parseAttributes("*.x eol=lf\ny.x filter=other\nz.x big\n", "sub/", macros);
  assert.equal(isLfsPath("a.x", [root]), true);
  assert.equal(isLfsPath("sub/a.x", [root, sub]), false);
  assert.equal(isLfsPath("sub/y.x", [root, sub]), false);
  assert.equal(isLfsPath("sub/z.x", [root, sub]), true);
});
