/**
 * Evaluating a stage: what each of its steps is once variables are replaced, and what the image config is behind it.
 *
 * Nothing here depends on what a step does to files, so a whole build is evaluated before anything is run: mistakes of
 * the last line are found before the first command starts, as in BuildKit.
 *
 * @module
 */
import type { Escape } from "../dockerfile/line.ts";
import type { SourceRange } from "../dockerfile/source.ts";
import type { Checks } from "../checks/checks.ts";
import { KilnError } from "../errors.ts";
import { createExpander } from "../instructions/expander.ts";
import type { Node, StageState } from "../instructions/instruction.ts";
import { type MissingVariable, withVariableHint } from "../instructions/missing_variable.ts";
import { instructionOf } from "../instructions/table.ts";
import { inTrigger } from "../instructions/triggers.ts";

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
  return steps.map((step): EvaluatedStep => {
    const { node, fault } = step;
    const instruction = instructionOf(node.line);
    const missing = new Map<string, MissingVariable>();
    const onMissing = (variable: MissingVariable): void => {
      missing.set(variable.name, variable);
      if (!variable.isQuiet && !variable.isDeclared) checks.variable(variable, { node, isOpen });
    };
    try {
      // Now, not when the plan was made: what stands in front of it has been checked.
      if (fault !== undefined) throw fault;
      const expanded = instruction.expand?.(node, createExpander(state, { escape, onMissing })) ?? node;
      checks.step({ node, expanded, state, isOpen });
      state = instruction.configure?.(expanded, state) ?? state;
      return evaluated(step, { expanded, state, unknown: isOpen ? unknownAmong(missing) : [] });
    } catch (error) {
      const unknown = isOpen ? unknownAmong(missing) : [];
      // For want of variables that an unknown base may have.
      if (error instanceof KilnError && unknown.length > 0) return evaluated(step, { expanded: node, state, unknown });
      throw blame(step, error instanceof KilnError ? withVariableHint(error, missing.values()) : error);
    }
  });
}

/** Says of a fault of a step where it stands, unless that was said already. */
export function blame(step: WrittenStep, error: unknown): unknown {
  if (!(error instanceof KilnError) || error.range !== undefined) return error;
  const located = error.locate(step.range);
  return step.isTrigger ? inTrigger(located, step.node.line.text) : located;
}

/** Runs `body`, whose faults are those of a step. */
export function blaming<T>(step: WrittenStep, body: () => T): T {
  try {
    return body();
  } catch (error) {
    throw blame(step, error);
  }
}

function evaluated(
  step: WrittenStep,
  evaluation: Pick<EvaluatedStep, "expanded" | "state" | "unknown">,
): EvaluatedStep {
  const instruction = instructionOf(step.node.line);
  const { expanded, state } = evaluation;
  const makesLayer = instruction.makesLayer?.(expanded, state) ?? instruction.run !== undefined;
  return { ...step, ...evaluation, makesLayer };
}

function unknownAmong(missing: ReadonlyMap<string, MissingVariable>): readonly string[] {
  return [...missing.values()].flatMap(({ name, isDeclared }) => isDeclared ? [] : [name]);
}
