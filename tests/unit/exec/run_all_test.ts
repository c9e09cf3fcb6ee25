import assert from "node:assert/strict";
import { runAll } from "../../../lib/exec/run_all.ts";

Deno.test("runAll(), runs what comes after a failure and throws the first one", () => {
  const done: string[] = [];
  const fail = (name: string) => () => {
    done.push(name);
    throw new Error(name);
  };
  assert.throws(() => runAll([fail("a"), () => done.push("b"), fail("c"), () => done.push("d")]), /^Error: a$/);
  assert.deepEqual(done, ["a", "b", "c", "d"]);
});
