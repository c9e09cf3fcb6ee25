/**
 * Stages as promises: each starts at once and waits only for what it really needs.
 *
 * A stage waits for the one it starts from before its first step, and for the one it copies from at that step. So
 * stages that do not need each other run side by side; how many commands run at the same time is limited where they
 * run.
 *
 * @module
 */
import type { BuildPlan, PlannedStage } from "./plan.ts";
import type { StageResult } from "./stage_builder.ts";

/** Builds one stage; `result` gives those it needs. */
export type BuildOne = (
  stage: PlannedStage,
  result: (index: number) => Promise<StageResult>,
) => Promise<StageResult>;

/**
 * Builds all stages of a plan and returns their results by index.
 *
 * @param abort called with the first failure, so that the other stages end, too; the failure is thrown when all have.
 */
export async function buildStages(
  plan: BuildPlan,
  build: BuildOne,
  abort: (reason: unknown) => void,
): Promise<ReadonlyMap<number, StageResult>> {
  const results = new Map<number, Promise<StageResult>>();
  const resultOf = (index: number): Promise<StageResult> => {
    const result = results.get(index);
    if (result === undefined) throw new Error(`Unreachable: stage ${index} comes before those that need it`);
    return result;
  };
  let failure: { readonly error: unknown } | undefined;
  for (const [index, stage] of plan.stages) {
    const result = build(stage, resultOf);
    results.set(index, result);
    result.catch((error) => {
      // Later failures are echoes of the abort.
      failure ??= { error };
      abort(error);
    });
  }
  const settled = await Promise.allSettled([...results].map(async ([index, result]) => [index, await result] as const));
  if (failure !== undefined) throw failure.error;
  return new Map(settled.flatMap((outcome) => outcome.status === "fulfilled" ? [outcome.value] : []));
}
