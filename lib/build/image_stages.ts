/**
 * Which stages' layers are part of an image: the target and the stages it was started from, lowest first.
 *
 * @module
 */
import type { PulledImage } from "../image/pull.ts";
import type { BuildPlan, PlannedStage } from "./plan.ts";

/** A target's ancestry. */
export interface ImageStages {
  /** The image at the bottom; absent above scratch. */
  readonly base: PulledImage | undefined;
  /** Lowest first; the last one is the target. */
  readonly stages: readonly PlannedStage[];
}

/** Follows FROM down to an image or to scratch. */
export function imageStagesOf(plan: BuildPlan, target: number): ImageStages {
  const stages: PlannedStage[] = [];
  for (let index = target;;) {
    const stage = plan.stages.get(index);
    if (stage === undefined) throw new Error(`Unreachable: stage ${index} was planned`);
    stages.unshift(stage);
    if (stage.base.kind !== "stage") {
      return { base: stage.base.kind === "image" ? stage.base.image : undefined, stages };
    }
    index = stage.base.index;
  }
}
