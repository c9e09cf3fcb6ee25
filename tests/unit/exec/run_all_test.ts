import assert from "node:assert/strict";
import { runAll } from "../../../lib/exec/run_all.ts";

Deno.test("runAll(), runs what comes after a failure and throws the first one", async () => {
  const done: string[] = [];
  const fail = (name: string) => () => {
    done.push(name);
    throw new Error(name);
  };
  const note = (name: string) => () => void done.push(name);
  await assert.rejects(
    runAll([fail("a"), note("b"), () => Promise.resolve().then(fail("c")), note("d")]),
    /^Error: a$/,
  );
  assert.deepEqual(done, ["a", "b", "c", "d"]);
});
