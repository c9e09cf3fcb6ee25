import assert from "node:assert/strict";
import { SingleFlight } from "../../../lib/async/single_flight.ts";

const SIGNAL = new AbortController().signal;

Deno.test("SingleFlight runs once for all who ask meanwhile", async () => {
  const flights = new SingleFlight<string, number>();
  let runs = 0;
  const body = () => Promise.resolve(++runs);
  const results = await Promise.all([1, 2, 3].map(() => flights.run("a", SIGNAL, body)));
  assert.deepEqual(results, [1, 1, 1]);
});

Deno.test("SingleFlight keeps keys apart", async () => {
  const flights = new SingleFlight<string, string>();
  const results = await Promise.all(["a", "b"].map((key) => flights.run(key, SIGNAL, () => Promise.resolve(key))));
  assert.deepEqual(results, ["a", "b"]);
});

Deno.test("SingleFlight runs again for who asks later", async () => {
  const flights = new SingleFlight<string, number>();
  let runs = 0;
  const body = () => Promise.resolve(++runs);
  assert.deepEqual([await flights.run("a", SIGNAL, body), await flights.run("a", SIGNAL, body)], [1, 2]);
});

Deno.test("SingleFlight gives a failure to all who wait, and forgets it", async () => {
  const flights = new SingleFlight<string, number>();
  const failure = new Error("failed");
  const waiting = [1, 2].map(() => flights.run("a", SIGNAL, () => Promise.reject(failure)));
  for (const result of await Promise.allSettled(waiting)) {
    assert.deepEqual(result, { status: "rejected", reason: failure });
  }
  assert.equal(await flights.run("a", SIGNAL, () => Promise.resolve(1)), 1);
});

Deno.test("SingleFlight goes on while one who asked still waits", async () => {
  const flights = new SingleFlight<string, string>();
  const [first, second] = [new AbortController(), new AbortController()];
  const { promise, resolve } = Promise.withResolvers<string>();
  let aborted = false;
  const body = (signal: AbortSignal) => {
    signal.addEventListener("abort", () => (aborted = true));
    return promise;
  };
  const one = flights.run("a", first.signal, body);
  const two = flights.run("a", second.signal, body);
  const reason = new Error("gave up");
  first.abort(reason);
  await assert.rejects(one, reason);
  resolve("done");
  assert.equal(await two, "done");
  assert.equal(aborted, false);
});

Deno.test("SingleFlight aborts the run when all who asked have given up, and starts anew for the next", async () => {
  const flights = new SingleFlight<string, string>();
  const controller = new AbortController();
  const { promise: started, resolve: start } = Promise.withResolvers<void>();
  const abandoned = flights.run("a", controller.signal, (signal) =>
    new Promise((_resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason));
      start();
    }));
  await started;
  const reason = new Error("gave up");
  controller.abort(reason);
  assert.equal(await flights.run("a", SIGNAL, () => Promise.resolve("fresh")), "fresh");
  await assert.rejects(abandoned, reason);
});
