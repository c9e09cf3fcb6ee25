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
import type { Checks } from "../checks/checks.ts";
import { KilnError } from "../errors.ts";
import { createExpander, type MissingVariable } from "../instructions/expander.ts";
import type { Node, StageState } from "../instructions/instruction.ts";
import { instructionOf } from "../instructions/table.ts";

/** One instruction of a stage, as it stands in the Dockerfile or in what a base image fires. */
export interface WrittenStep {
  readonly node: Node;
  /** Set for a step that the base fired: the FROM line is to blame, not the line the step was written on. */
  readonly isTrigger: boolean;
  /** Where faults of the step are shown. */
  readonly range: SourceRange;
  /** Why it cannot be built, whatever its variables are. */
  readonly fault?: KilnError;
}

/** The same, evaluated. */
export interface EvaluatedStep extends WrittenStep {
  /** The node with its variables replaced. */
  readonly expanded: Node;
  /** The state behind the step. */
  readonly state: StageState;
  /** Whether it leaves a layer, be it an empty one. */
  readonly makesLayer: boolean;
  /** Variables that a base image may have set of which nothing is known: where there are any, all this may be else. */
  readonly unknown: readonly string[];
}

/** How to evaluate. */
export interface EvaluationOptions {
  readonly escape: Escape;
  readonly checks: Checks;
  /** Whether the config of the base image is not known. */
  readonly isOpen: boolean;
}

/**
 * Evaluates the steps of a stage in order, beginning with the state behind its FROM.
 *
 * @throws {KilnError} kind `dockerfile`, with the position of the step at fault
 */
export function evaluateStage(
  initial: StageState,
  steps: readonly WrittenStep[],
  { escape, checks, isOpen }: EvaluationOptions,
): readonly EvaluatedStep[] {
  let state = initial;
  return steps.map((step): EvaluatedStep =>
    locate(step.range, () => {
      const { node, fault } = step;
      // Now, not when the plan was made: what stands in front of it has been checked.
      if (fault !== undefined) throw fault;
      const instruction = instructionOf(node.line);
      const missing = new Set<string>();
      const onMissing = (variable: MissingVariable): void => {
        missing.add(variable.name);
        if (!variable.isQuiet) checks.variable(variable, { node, isOpen });
      };
      const expanded = expandOpen(isOpen ? missing : undefined, () =>
        instruction.expand?.(node, createExpander(state, { escape, onMissing })) ?? node);
      if (expanded !== undefined) {
        checks.step({ node, expanded, state, isOpen });
        state = instruction.configure?.(expanded, state) ?? state;
      }
      const makesLayer = instruction.makesLayer?.(expanded ?? node, state) ?? instruction.run !== undefined;
      return { ...step, expanded: expanded ?? node, state, makesLayer, unknown: isOpen ? [...missing] : [] };
    })
  );
}

/**
 * Expands; returns undefined where that fails for want of variables that an unknown base may have. `missing` gathers
 * those, and is undefined where there is no unknown base.
 */
function expandOpen<T>(missing: ReadonlySet<string> | undefined, expand: () => T): T | undefined {
  try {
    return expand();
  } catch (error) {
    if (error instanceof KilnError && missing !== undefined && missing.size > 0) return undefined;
    throw error;
  }
}
