import assert from "node:assert/strict";
import type { BuildPlan, PlannedStage } from "../../../lib/build/plan.ts";
import { type BuildOne, buildStages } from "../../../lib/build/scheduler.ts";
import type { StageResult } from "../../../lib/build/stage_builder.ts";

/** A plan of stages without steps. */
function planOf(indexes: readonly number[]): BuildPlan {
  const stages = new Map(indexes.map((index) => [index, { index } as Partial<PlannedStage> as PlannedStage]));
  return { stages } as Partial<BuildPlan> as BuildPlan;
}

/** The scheduler only hands results on. */
function resultOf(index: number): StageResult {
  return { history: [{ createdBy: String(index) }] } as unknown as StageResult;
}

function nameOf(result: StageResult): string {
  return result.history[0]?.createdBy ?? "";
}

Deno.test("buildStages(), all results by index", async () => {
  const results = await buildStages(planOf([0, 2, 5]), ({ index }) => Promise.resolve(resultOf(index)), () => {});
  assert.deepEqual([...results].map(([index, result]) => [index, nameOf(result)]), [[0, "0"], [2, "2"], [5, "5"]]);
});

Deno.test("buildStages(), stages that do not need each other run side by side", async () => {
  const both = Promise.withResolvers<void>();
  let running = 0;
  const build: BuildOne = async ({ index }) => {
    if (++running === 2) both.resolve();
    await both.promise;
    return resultOf(index);
  };
  assert.equal((await buildStages(planOf([0, 1]), build, () => {})).size, 2);
});

Deno.test("buildStages(), a stage waits for exactly the one it asks for, in the middle of its work", async () => {
  const log: string[] = [];
  const first = Promise.withResolvers<void>();
  const build: BuildOne = async ({ index }, result) => {
    log.push(`start ${index}`);
    if (index === 0) await first.promise;
    if (index === 2) {
      log.push(`${nameOf(await result(1))} for 2`);
      first.resolve();
      log.push(`${nameOf(await result(0))} for 2`);
    }
    log.push(`end ${index}`);
    return resultOf(index);
  };
  await buildStages(planOf([0, 1, 2]), build, () => {});
  assert.deepEqual(log, ["start 0", "start 1", "end 1", "start 2", "1 for 2", "end 0", "0 for 2", "end 2"]);
});

Deno.test("buildStages(), one result is for any number of stages", async () => {
  let built = 0;
  const build: BuildOne = async ({ index }, result) => {
    if (index === 0) built++;
    else assert.equal(nameOf(await result(0)), "0");
    return resultOf(index);
  };
  await buildStages(planOf([0, 1, 2, 3]), build, () => {});
  assert.equal(built, 1);
});

Deno.test("buildStages(), the first failure ends the others and is the one thrown, after all have ended", async () => {
  const abort = new AbortController();
  const ended: number[] = [];
  const broken = new Error("stage 1 broke");
  const build: BuildOne = async ({ index }, result) => {
    try {
      if (index === 1) throw broken;
      if (index === 2) await result(1);
      await new Promise((_, reject) => {
        abort.signal.addEventListener("abort", () => reject(new Error(`stage ${index} was aborted`)));
      });
      return resultOf(index);
    } finally {
      ended.push(index);
    }
  };
  const reasons: unknown[] = [];
  const building = buildStages(planOf([0, 1, 2]), build, (reason) => {
    reasons.push(reason);
    abort.abort(reason);
  });
  await assert.rejects(building, broken);
  assert.equal(reasons[0], broken);
  assert.deepEqual(ended.toSorted(), [0, 1, 2]);
});

Deno.test("buildStages(), a stage that fails at once fails the build, even if nobody needs it", async () => {
  const broken = new Error("unneeded and broken");
  const build: BuildOne = ({ index }) => index === 0 ? Promise.reject(broken) : Promise.resolve(resultOf(index));
  await assert.rejects(buildStages(planOf([0, 1]), build, () => {}), broken);
});
