import assert from "node:assert/strict";
import { Semaphore } from "../../../lib/async/semaphore.ts";

const SIGNAL = new AbortController().signal;

/** Lets every promise that can settle do so. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
}

Deno.test("Semaphore lets no more than its limit in at once", async () => {
  const semaphore = new Semaphore(2);
  let inside = 0;
  let most = 0;
  await Promise.all(Array.from({ length: 8 }, async () => {
    using _permit = await semaphore.acquire(SIGNAL);
    most = Math.max(most, ++inside);
    await settle();
    inside--;
  }));
  assert.equal(most, 2);
});

Deno.test("Semaphore serves in the order of asking", async () => {
  const semaphore = new Semaphore(1);
  const order: number[] = [];
  await Promise.all([1, 2, 3].map(async (number) => {
    using _permit = await semaphore.acquire(SIGNAL);
    await settle();
    order.push(number);
  }));
  assert.deepEqual(order, [1, 2, 3]);
});

Deno.test("Semaphore takes one permit back once, however often it is disposed of", async () => {
  const semaphore = new Semaphore(1);
  const first = await semaphore.acquire(SIGNAL);
  first[Symbol.dispose]();
  first[Symbol.dispose]();
  const second = await semaphore.acquire(SIGNAL);
  let third = false;
  const waiting = semaphore.acquire(SIGNAL).then((permit) => {
    third = true;
    return permit;
  });
  await settle();
  assert.equal(third, false);
  second[Symbol.dispose]();
  (await waiting)[Symbol.dispose]();
});

Deno.test("Semaphore forgets who gave up waiting", async () => {
  const semaphore = new Semaphore(1);
  const held = await semaphore.acquire(SIGNAL);
  const controller = new AbortController();
  const impatient = semaphore.acquire(controller.signal);
  const patient = semaphore.acquire(SIGNAL);
  const reason = new Error("gave up");
  controller.abort(reason);
  await assert.rejects(impatient, reason);
  held[Symbol.dispose]();
  (await patient)[Symbol.dispose]();
  (await semaphore.acquire(SIGNAL))[Symbol.dispose]();
});

Deno.test("Semaphore follows a lowered limit as permits come back", async () => {
  const semaphore = new Semaphore(2);
  const [first, second] = [await semaphore.acquire(SIGNAL), await semaphore.acquire(SIGNAL)];
  semaphore.limit = 1;
  let entered = false;
  const third = semaphore.acquire(SIGNAL).then((permit) => {
    entered = true;
    return permit;
  });
  first[Symbol.dispose]();
  await settle();
  assert.equal(entered, false);
  second[Symbol.dispose]();
  (await third)[Symbol.dispose]();
});

Deno.test("Semaphore admits those who wait when its limit is raised", async () => {
  const semaphore = new Semaphore(1);
  const first = await semaphore.acquire(SIGNAL);
  const second = semaphore.acquire(SIGNAL);
  semaphore.limit = 2;
  (await second)[Symbol.dispose]();
  first[Symbol.dispose]();
});

Deno.test("Semaphore refuses a limit that is not a whole number of at least 1", () => {
  for (const limit of [0, -1, 1.5, NaN, Infinity]) assert.throws(() => new Semaphore(limit), RangeError);
});
