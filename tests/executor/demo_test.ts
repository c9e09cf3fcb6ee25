/**
 * The README's first command, from source and with the file that `deno task build` leaves.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path/posix";
import { build, verify } from "../../scripts/build.ts";

const ROOT = join(import.meta.dirname ?? ".", "../..");

async function demo(args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", join(ROOT, "scripts/demo.ts"), ...args],
  }).output();
  const said = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  assert.equal(code, 0, said);
  return said;
}

Deno.test("the demo builds, pushes and runs its image from source", async () => {
  assert.match(await demo([]), /^digest +sha256:[0-9a-f]{64}$[^]*^The demo worked$/m);
});

Deno.test("the build leaves an executor that answers as the source does and runs the demo", async () => {
  const folder = await Deno.makeTempDir({ prefix: "kiln-built-" });
  try {
    const { executor } = await build({ source: ROOT, output: folder, denort: Deno.env.get("DENORT_BIN") });
    await verify(executor, ROOT);
    await demo([`--executor=${executor}`]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
