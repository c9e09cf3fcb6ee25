/**
 * Dockerfiles of every style, built by us; the images must be those that BuildKit made of them, as recorded by
 * `deno task record` in each case's file `expected`.
 *
 * Files with owners, modes, dates, links, attributes and content, the config and the texts of the history are compared
 * (`tests/support/render_image.ts`); not compared are dates "now", those of directories that were in the base, and
 * which directories a layer repeats. Where we mean to differ, the case's file `deviations` says so with the decision.
 *
 * @module
 */
import assert from "node:assert/strict";
import { relative } from "node:path/posix";
import {
  CaseBench,
  deviationsOf,
  expectedOfUs,
  OURS,
  recorded,
  recordedCases,
  withUnknownDates,
} from "../support/recorded_case.ts";

/** As many as there are cores on a small machine; other test files run meanwhile. */
const BUILDS = 2;

Deno.test("BuildKit and we make the same images", async (t) => {
  await using bench = await CaseBench.start();
  const cases = recordedCases();
  const waiting = cases.values();
  const built = new Map(cases.map((from) => [from, Promise.withResolvers<string>()]));
  const builders = Array.from({ length: BUILDS }, async () => {
    for (const from of waiting) {
      const result = built.get(from);
      await bench.build(from, OURS).then((text) => result?.resolve(text), (error) => result?.reject(error));
    }
  });
  for (const [from, { promise }] of built) {
    // Heard by its step; until then no failure is unhandled.
    promise.catch(() => {});
    await t.step(relative(import.meta.dirname ?? ".", from), async () => {
      const [expected, deviations] = [await recorded(from), await deviationsOf(from)];
      assert.notEqual(expected, undefined, "nothing is recorded: deno task record");
      const wanted = expectedOfUs(expected ?? "", deviations);
      assert.deepEqual(withUnknownDates(await promise, wanted).split("\n"), wanted.split("\n"));
    });
  }
  await Promise.all(builders);
});
