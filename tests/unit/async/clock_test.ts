import assert from "node:assert/strict";
import { systemClock } from "../../../lib/async/clock.ts";

Deno.test("systemClock tells the time of the wall clock", () => {
  assert.ok(Math.abs(systemClock.now() - Date.now()) < 2_000);
});

Deno.test("systemClock.sleep() waits at least as long as asked", async () => {
  const start = performance.now();
  await systemClock.sleep(15, new AbortController().signal);
  assert.ok(performance.now() - start >= 14);
});

Deno.test("systemClock.sleep() ends at once with the reason of an abort", async () => {
  const controller = new AbortController();
  const reason = new Error("stop");
  const sleeping = systemClock.sleep(60_000, controller.signal);
  controller.abort(reason);
  await assert.rejects(sleeping, reason);
});

Deno.test("systemClock.sleep() does not start under an aborted signal", async () => {
  const reason = new Error("stopped before");
  await assert.rejects(systemClock.sleep(60_000, AbortSignal.abort(reason)), reason);
});
