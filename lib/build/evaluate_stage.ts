/**
 * Evaluating a stage: what each of its steps is once variables are replaced, and what the image config is behind it.
 *
 * Nothing here depends on what a step does to files, so a whole build is evaluated before anything is run: mistakes of
 * the last line are found before the first command starts, as in BuildKit.
 *
 * @module
 */
import type { Escape } from "../dockerfile/line.ts";
import { locate } from "../dockerfile/locate.ts";
import type { SourceRange } from "../dockerfile/source.ts";
import type { Finding } from "../dockerfile/warning.ts";
import { createExpander } from "../instructions/expander.ts";
import type { Node, StageState } from "../instructions/instruction.ts";
import { instructionOf } from "../instructions/table.ts";

/** One instruction of a stage, as it stands in the Dockerfile or in what a base image fires. */
export interface WrittenStep {
  readonly node: Node;
  /** Set for a step that the base fired: the FROM line is to blame, not the line the step was written on. */
  readonly isTrigger: boolean;
  /** Where faults of the step are shown. */
  readonly range: SourceRange;
}

/** The same, evaluated. */
export interface EvaluatedStep extends WrittenStep {
  /** The node with its variables replaced. */
  readonly expanded: Node;
  /** The state behind the step. */
  readonly state: StageState;
  /** Whether it leaves a layer, be it an empty one. */
  readonly makesLayer: boolean;
}

/** How to evaluate. */
export interface EvaluationOptions {
  readonly escape: Escape;
  readonly onFinding: (finding: Finding, step: WrittenStep) => void;
}

/**
 * Evaluates the steps of a stage in order, beginning with the state behind its FROM.
 *
 * @throws {KilnError} kind `dockerfile`, with the position of the step at fault
 */
export function evaluateStage(
  initial: StageState,
  steps: readonly WrittenStep[],
  options: EvaluationOptions,
): readonly EvaluatedStep[] {
  let state = initial;
  return steps.map((step): EvaluatedStep =>
    locate(step.range, () => {
      const instruction = instructionOf(step.node.line);
      const onFinding = (finding: Finding): void => options.onFinding(finding, step);
      const expander = createExpander(state, { escape: options.escape, onFinding });
      const expanded = instruction.expand?.(step.node, expander) ?? step.node;
      state = instruction.configure?.(expanded, state) ?? state;
      const makesLayer = instruction.makesLayer?.(expanded, state) ?? instruction.run !== undefined;
      return { ...step, expanded, state, makesLayer };
    })
  );
}
