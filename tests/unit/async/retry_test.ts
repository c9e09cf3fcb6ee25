import assert from "node:assert/strict";
import { Backoff, type BackoffOptions, type Pause, retry } from "../../../lib/async/retry.ts";
import { RecordingClock } from "../../support/registry_clock.ts";

class Passing extends Error {
  constructor(readonly afterMs?: number) {
    super("passing");
  }
}

function setUp(options: Partial<BackoffOptions> = {}): { backoff: Backoff; clock: RecordingClock; pauses: Pause[] } {
  const clock = new RecordingClock();
  const pauses: Pause[] = [];
  const backoff = new Backoff({
    retries: 3,
    baseMs: 100,
    capMs: 300,
    askedCapMs: 5_000,
    clock,
    random: () => 0.5,
    signal: new AbortController().signal,
    temporary: (error) =>
      error instanceof Passing ? (error.afterMs === undefined ? {} : { afterMs: error.afterMs }) : undefined,
    onPause: (pause) => pauses.push(pause),
    ...options,
  });
  return { backoff, clock, pauses };
}

/** Fails with the given errors in turn, then succeeds. */
function failing(...errors: readonly Error[]): () => Promise<string> {
  const left = [...errors];
  return () => {
    const error = left.shift();
    return error === undefined ? Promise.resolve("done") : Promise.reject(error);
  };
}

Deno.test("retry() returns the first success without waiting", async () => {
  const { backoff, clock } = setUp();
  assert.equal(await retry(failing(), backoff), "done");
  assert.deepEqual(clock.slept, []);
});

Deno.test("retry() doubles the bound of each pause up to the cap", async () => {
  const { backoff, clock } = setUp({ retries: 4, random: () => 0.999999 });
  await retry(failing(new Passing(), new Passing(), new Passing(), new Passing()), backoff);
  assert.deepEqual(clock.slept, [100, 200, 300, 300]);
});

Deno.test("retry() draws the whole pause at random", async () => {
  const { backoff, clock } = setUp({ random: () => 0 });
  await retry(failing(new Passing(), new Passing()), backoff);
  assert.deepEqual(clock.slept, [0, 0]);
});

Deno.test("retry() adds the pause the other side asked for, up to its cap", async () => {
  const { backoff, clock } = setUp({ random: () => 0 });
  await retry(failing(new Passing(700), new Passing(1e12)), backoff);
  assert.deepEqual(clock.slept, [700, 5_000]);
});

Deno.test("retry() throws a final error at once", async () => {
  const { backoff, clock } = setUp();
  const final = new Error("final");
  await assert.rejects(retry(failing(final), backoff), final);
  assert.deepEqual(clock.slept, []);
});

Deno.test("retry() throws the last error when the tries are used up", async () => {
  const { backoff, clock } = setUp({ retries: 2 });
  const errors = [new Passing(), new Passing(), new Passing(), new Passing()];
  await assert.rejects(retry(failing(...errors), backoff), (error) => error === errors[2]);
  assert.equal(clock.slept.length, 2);
  assert.equal(backoff.tries, 3);
});

Deno.test("retry() without retries tries once", async () => {
  const { backoff } = setUp({ retries: 0 });
  await assert.rejects(retry(failing(new Passing()), backoff), Passing);
});

Deno.test("retry() tells of each pause before it is made", async () => {
  const { backoff, pauses } = setUp();
  const error = new Passing();
  await retry(failing(error), backoff);
  assert.deepEqual(pauses, [{ error, tried: 1, tries: 4, pauseMs: 50 }]);
});

Deno.test("retry() stops with the reason of the signal", async () => {
  const controller = new AbortController();
  const { backoff } = setUp({ signal: controller.signal });
  const reason = new Error("interrupted");
  await assert.rejects(
    retry(() => {
      controller.abort(reason);
      return Promise.reject(new Passing());
    }, backoff),
    reason,
  );
});

Deno.test("Backoff starts counting again after progress", async () => {
  const { backoff, clock } = setUp({ retries: 1, random: () => 0.999999 });
  await backoff.pause(new Passing());
  backoff.progress();
  await backoff.pause(new Passing());
  assert.deepEqual(clock.slept, [100, 100]);
  await assert.rejects(backoff.pause(new Passing()), Passing);
});
