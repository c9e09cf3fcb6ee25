/**
 * What we make of Dockerfiles, against what BuildKit was recorded to make of them. Every fourth is in each run of the
 * suite, the others are in the long lanes: all together take three and a half minutes of processor time.
 *
 * @module
 */
import assert from "node:assert/strict";
import { relative } from "node:path/posix";
import {
  CaseBench,
  deviationsOf,
  DIFFERENTIAL,
  expectedOfUs,
  OURS,
  recorded,
  recordedCases,
  sideBySide,
  withUnknownDates,
} from "./recorded_case.ts";
import { outcomeOf, readRefusals, tryOurs } from "./refusals.ts";

/** The share that is built each time, or all that is not in it. */
export type Part = "share" | "rest";

const SHARE = 4;

function partOf<Item>(items: readonly Item[], part: Part): readonly Item[] {
  return items.filter((_, at) => (at % SHARE === 0) === (part === "share"));
}

/** Builds Dockerfiles of every style; files, config and history must be those of BuildKit's images. */
export async function assertSameImages(t: Deno.TestContext, part: Part): Promise<void> {
  await using bench = await CaseBench.start();
  for (const [from, built] of sideBySide(partOf(recordedCases(), part), (from) => bench.build(from, OURS))) {
    await t.step(relative(DIFFERENTIAL, from), async () => {
      const [expected, deviations] = [await recorded(from), await deviationsOf(from)];
      assert.notEqual(expected, undefined, "nothing is recorded: deno task record");
      const wanted = expectedOfUs(expected ?? "", deviations);
      assert.deepEqual(withUnknownDates(await built, wanted).split("\n"), wanted.split("\n"));
    });
  }
}

/** Builds Dockerfiles that are not in order, or look it: we refuse those that BuildKit refuses, at the same lines. */
export async function assertSameRefusals(t: Deno.TestContext, part: Part): Promise<void> {
  await using bench = await CaseBench.start();
  const outcomes = sideBySide(partOf(await readRefusals(), part), (refusal) => outcomeOf(refusal, bench, tryOurs));
  for (const [refusal, outcome] of outcomes) {
    await t.step(refusal.title, async () => {
      const { recorded, deviation } = refusal;
      assert.notEqual(recorded, undefined, "nothing is recorded: deno task record");
      if (deviation !== undefined) {
        assert.match(deviation, /, (decisions|dockerfile) \d+(\.\d+)?$/, "it names its reason");
      }
      const expected = deviation?.replace(/, (decisions|dockerfile) .*/, "") ?? recorded;
      // Where BuildKit names no line, we may know one.
      const said = expected === "fails" ? (await outcome).replace(/ at .*/, "") : await outcome;
      assert.equal(said, expected, refusal.dockerfile);
    });
  }
}
