import assert from "node:assert/strict";
import { run } from "../../support/environment/command.ts";

Deno.test("blocks that are compressed, leave no memory behind however many they are", async () => {
  const script = new URL("../../support/compress_alone.ts", import.meta.url).pathname;
  const { stdout } = await run([Deno.execPath(), "run", "-A", "--no-check", script, "4000"]);
  const [after = 0, end = 0] = JSON.parse(stdout) as number[];
  // Without collections 3,000 blocks more leave 100 MB more.
  assert.ok(end - after < 40_000_000, `${after} bytes, then ${end}`);
});
