import assert from "node:assert/strict";
import { runLanes } from "../../../lib/async/lanes.ts";

const running = new AbortController().signal;

Deno.test("runLanes(), empties a queue with several lanes", async () => {
  const queue = [1, 2, 3, 4, 5, 6, 7];
  const done: number[] = [];
  let [now, most] = [0, 0];
  await runLanes(3, running, async () => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      most = Math.max(most, ++now);
      await Promise.resolve();
      done.push(next);
      now--;
    }
  });
  assert.deepEqual([done.toSorted(), most], [[1, 2, 3, 4, 5, 6, 7], 3]);
});

Deno.test("runLanes(), stops all lanes when one fails, waits for them, and throws the first failure", async () => {
  const log: string[] = [];
  let lanes = 0;
  const failure = new RangeError("first");
  const work = runLanes(3, running, async (signal) => {
    const lane = lanes++;
    if (lane === 1) throw failure;
    await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
    await Promise.resolve();
    log.push(`lane ${lane} stopped`);
    throw new Error("because of the first");
  });
  await assert.rejects(work, (error) => error === failure);
  assert.deepEqual(log, ["lane 0 stopped", "lane 2 stopped"]);
});

Deno.test("runLanes(), throws the reason of a signal that is aborted", async () => {
  const stop = new AbortController();
  const work = runLanes(2, stop.signal, async (signal) => {
    await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
    signal.throwIfAborted();
  });
  const reason = new Error("interrupted");
  stop.abort(reason);
  await assert.rejects(work, (error) => error === reason);
});
