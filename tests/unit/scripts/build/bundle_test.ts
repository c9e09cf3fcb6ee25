/** @module */
import assert from "node:assert/strict";
import { join } from "node:path/posix";
import { withoutLiteralImports } from "../../../../scripts/build/bundle.ts";

Deno.test("withoutLiteralImports() leaves static imports and imports of other things as they are", () => {
  const code = 'import{a}from"./a.js";import"./b.js";const c=import(name);const d=import("node:zlib");';
  assert.equal(withoutLiteralImports(code), code);
});

Deno.test("a chunk without literal imports is loaded when it is asked for, and not looked at before", async () => {
  const folder = await Deno.makeTempDir({ prefix: "kiln-bundle-" });
  try {
    const main = 'console.log("main");if(Deno.args[0]==="more"){const{more}=await import("./lazy.js");more()}';
    await Deno.writeTextFile(join(folder, "main.js"), withoutLiteralImports(main));
    const start = async (args: readonly string[]): Promise<string> => {
      const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
        args: ["run", "-A", "--no-config", join(folder, "main.js"), ...args],
      }).output();
      return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
    };
    await Deno.writeTextFile(join(folder, "lazy.js"), "this is no JavaScript");
    assert.equal(await start([]), "main\n");
    await Deno.writeTextFile(join(folder, "lazy.js"), 'export const more=()=>console.log("more");');
    assert.equal(await start(["more"]), "main\nmore\n");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
