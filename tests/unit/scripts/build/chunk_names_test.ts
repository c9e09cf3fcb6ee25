/** @module */
import assert from "node:assert/strict";
import { nameByContent } from "../../../../scripts/build/chunk_names.ts";

/** A bundle whose digests end in `suffix`: three chunks alike but for what they lead to, two of them in a circle. */
function bundle(suffix: string): ReadonlyMap<string, string> {
  const name = (letter: string): string => `chunk-${letter.repeat(7)}${suffix}.js`;
  return new Map([
    ["main.js", `import{a}from"./${name("A")}";import{b}from"./${name("B")}";import("./${name("D")}")`],
    ["lib/worker.js", `import{c}from"../${name("C")}";`],
    [name("A"), `import{x}from"./${name("B")}";`],
    [name("B"), `import{x}from"./${name("C")}";`],
    [name("C"), `const c=1;export{c};`],
    [name("D"), `import{e}from"./${name("E")}";export const d="D";`],
    [name("E"), `import{d}from"./${name("D")}";export const e="E";`],
  ]);
}

Deno.test("nameByContent() gives the same chunks the same names, whatever digests they had", () => {
  const one = nameByContent(bundle("1"));
  assert.deepEqual(new Map([...nameByContent(bundle("2"))].sort()), new Map([...one].sort()));
  assert.equal(new Set(one.keys()).size, 7);
});

Deno.test("nameByContent() leaves no reference that leads nowhere", () => {
  const chunks = nameByContent(bundle("1"));
  for (const [path, code] of chunks) {
    for (const [, name = ""] of code.matchAll(/"\.{1,2}\/([^"]+)"/g)) assert.ok(chunks.has(name), `${path}: ${name}`);
  }
});

Deno.test("nameByContent() gives changed code another name, and keeps names without a digest", () => {
  const changed = new Map([...bundle("1")].map(([name, code]) => [name, code.replace("const c=1", "const c=2")]));
  const names = (chunks: ReadonlyMap<string, string>): readonly string[] => [...chunks.keys()];
  assert.notDeepEqual(names(nameByContent(changed)), names(nameByContent(bundle("1"))));
  assert.ok(nameByContent(changed).has("main.js"));
});

Deno.test("nameByContent() refuses chunks that nothing tells apart", () => {
  const chunks = new Map([["chunk-AAAAAAAA.js", "1"], ["chunk-BBBBBBBB.js", "1"]]);
  assert.throws(() => nameByContent(chunks), /two of them are the same/);
});
