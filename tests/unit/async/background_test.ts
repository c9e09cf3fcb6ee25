import assert from "node:assert/strict";
import { Background } from "../../../lib/async/background.ts";

Deno.test("Background.join() waits for every task, also those a task starts", async () => {
  const background = new Background(new AbortController());
  const done: string[] = [];
  background.start("outer", async () => {
    await Promise.resolve();
    background.start("inner", async () => {
      await Promise.resolve();
      done.push("inner");
    });
    done.push("outer");
  });
  await background.join();
  assert.deepEqual(done, ["outer", "inner"]);
});

Deno.test("Background.join() returns at once when nothing was started", async () => {
  await new Background(new AbortController()).join();
});

Deno.test("Background aborts the other tasks with the first failure and throws it when joined", async () => {
  const controller = new AbortController();
  const background = new Background(controller);
  const failure = new Error("first");
  let reason: unknown;
  background.start("waits", (signal) =>
    new Promise((_resolve, reject) => {
      signal.addEventListener("abort", () => {
        reason = signal.reason;
        reject(new Error("echo"));
      });
    }));
  background.start("fails", () => Promise.reject(failure));
  await assert.rejects(background.join(), failure);
  assert.equal(reason, failure);
  assert.equal(controller.signal.aborted, true);
});

Deno.test("Background takes a task that throws before its first await for a failed one", async () => {
  const background = new Background(new AbortController());
  background.start("throws", () => {
    throw new Error("at once");
  });
  await assert.rejects(background.join(), /at once/);
});

Deno.test("Background names the tasks that run", async () => {
  const background = new Background(new AbortController());
  const { promise, resolve } = Promise.withResolvers<void>();
  background.start("upload", () => promise);
  assert.deepEqual(background.running, ["upload"]);
  resolve();
  await background.join();
  assert.deepEqual(background.running, []);
});

Deno.test("Background aborts what still runs when it is disposed of, and waits for it", async () => {
  const controller = new AbortController();
  let ended = 0;
  {
    await using background = new Background(controller);
    const work = (signal: AbortSignal): Promise<void> =>
      new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => {
          setTimeout(() => {
            ended++;
            reject(new Error("echo"));
          }, 5);
        });
      });
    background.start("upload", work);
    background.follow("check", work(controller.signal)).catch(() => {});
    await new Promise((resolve) => setTimeout(resolve));
  }
  assert.equal(ended, 2);
});

Deno.test("Background aborts nothing when it is disposed of and nothing runs", async () => {
  const controller = new AbortController();
  {
    await using background = new Background(controller);
    background.start("quick", () => Promise.resolve());
    await assert.rejects(background.follow("fails", Promise.reject(new Error("told elsewhere"))), /told elsewhere/);
    await background.join();
  }
  assert.equal(controller.signal.aborted, false);
});
