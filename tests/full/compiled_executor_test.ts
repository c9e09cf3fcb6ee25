/**
 * The true `deno compile` path, with the denort and the compiler of Deno 2.7.11 from npm (deno.md 9): what compiles and
 * runs with it does so with the pinned Deno where its denort can be had. That pair itself is never shipped.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path/posix";
import { build, verify } from "../../scripts/build.ts";
import { fetchCompiler, fetchDenort } from "../../scripts/build/old_denort.ts";
import { cacheFolder } from "../support/environment/cache.ts";

const ROOT = join(import.meta.dirname ?? ".", "../..");

Deno.test("a compiled executor answers as the source does and runs the demo", async () => {
  const tools = join(cacheFolder(), "denort");
  const denort = await fetchDenort(tools, Deno.build.arch === "x86_64" ? "x64" : "arm64");
  const folder = await Deno.makeTempDir({ prefix: "kiln-compiled-" });
  try {
    const built = await build({ source: ROOT, output: folder, denort, deno: await fetchCompiler(tools) });
    assert.equal(built.kind, "compiled");
    await verify(built.executor, ROOT);
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", join(ROOT, "scripts/demo.ts"), `--executor=${built.executor}`],
    }).output();
    assert.equal(code, 0, new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
