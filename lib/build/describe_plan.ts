/**
 * A plan as data, for `executor plan`: what is built and what is not, from what, in which steps, and what is not known
 * before something runs. `docs/plan.md` describes it; fields are added, never changed.
 *
 * @module
 */
import type { StageText } from "../instructions/stages.ts";
import { containerConfig } from "../instructions/state.ts";
import { instructionOf } from "../instructions/table.ts";
import type { ContainerConfig } from "../oci/config.ts";
import { formatPlatform } from "../oci/platform.ts";
import { formatReference } from "../oci/reference.ts";
import type { EvaluatedStep } from "./evaluate_stage.ts";
import type { BuildPlan, PlannedStage, StageBase } from "./plan.ts";
import { sourceKey, type StepSource } from "./stage_sources.ts";

/** The plan of a build. */
export interface PlanDescription {
  readonly dockerfile: string;
  readonly platform: string;
  /** Indexes of stages; the first one becomes the image. */
  readonly targets: readonly number[];
  /** All stages of the file, in order. */
  readonly stages: readonly StageDescription[];
  /** The `config` object of the image. */
  readonly config: ContainerConfig;
}

/** A stage. */
export interface StageDescription {
  readonly index: number;
  readonly name?: string;
  readonly line: number;
  readonly endLine: number;
  /** The FROM as written. */
  readonly from: string;
  /** Why it is not built; then nothing more is known of it. */
  readonly skipped?: string;
  readonly platform?: string;
  readonly base?: BaseDescription;
  /** Whether a named context takes the place of its instructions. */
  readonly replaced?: true;
  /** What builds on it or reads from it. */
  readonly neededBy?: readonly NeedDescription[];
  readonly steps?: readonly StepDescription[];
}

/** What a stage starts from. */
export interface BaseDescription {
  readonly kind: "scratch" | "stage" | "image" | "files";
  /** Of a stage. */
  readonly index?: number;
  /** Of an image. */
  readonly reference?: string;
  /** Of a named context that is files. */
  readonly description?: string;
  /** Of the image's own manifest, if a registry could be asked. */
  readonly digest?: string;
  /** Why the config of the image is not known. */
  readonly unknown?: string;
}

/** A need of another stage. */
export interface NeedDescription {
  readonly stage: number;
  readonly line: number;
  readonly keyword: string;
}

/** A step. */
export interface StepDescription {
  readonly line: number;
  readonly endLine: number;
  readonly keyword: string;
  /** As written, without heredocs. */
  readonly text: string;
  /** Whether the base image fires it. */
  readonly trigger?: true;
  /** As it will stand in the history, variables replaced; absent where there will be no such line. */
  readonly createdBy?: string;
  /** Whether it makes a layer. */
  readonly layer: boolean;
  readonly reads?: readonly ReadDescription[];
  /** Variables that the unknown base image may set: everything about the step may be else. */
  readonly unknown?: readonly string[];
}

/** Something a step reads. */
export interface ReadDescription {
  readonly kind: "context" | "stage" | "image" | "files" | "scratch";
  /** Of a stage. */
  readonly index?: number;
  /** Of an image. */
  readonly reference?: string;
  /** Of a named context that is files. */
  readonly description?: string;
}

/** Describes a plan; `stages` are all of the file. */
export function describePlan(plan: BuildPlan, dockerfile: string): PlanDescription {
  const [target] = plan.targets;
  const state = target === undefined ? undefined : plan.stages.get(target)?.state;
  if (state === undefined) throw new Error("Unreachable: a plan has its target");
  return {
    dockerfile,
    platform: formatPlatform(plan.platform),
    targets: plan.targets,
    stages: plan.file.map((stage) => describeStage(stage, plan)),
    config: containerConfig(state),
  };
}

function describeStage({ index, name, from, nodes }: StageText, plan: BuildPlan): StageDescription {
  const { range, text } = from.line;
  const head = {
    index,
    ...(name === undefined ? {} : { name }),
    line: range.startLine,
    endLine: range.endLine,
    from: text.trim(),
  };
  const planned = plan.stages.get(index);
  if (planned === undefined) return { ...head, skipped: "no target needs it" };
  return {
    ...head,
    platform: formatPlatform(planned.platform),
    base: describeBase(planned.base),
    ...(nodes.length > 0 && planned.steps.length === 0 ? { replaced: true } : {}),
    neededBy: needsOf(index, plan),
    steps: planned.steps.map((step) => describeStep(step, planned)),
  };
}

function describeBase(base: StageBase): BaseDescription {
  switch (base.kind) {
    case "scratch":
      return { kind: "scratch" };
    case "stage":
      return { kind: "stage", index: base.index };
    case "image": {
      const { reference, descriptor } = base.image;
      return { kind: "image", reference: formatReference(reference), digest: descriptor.digest };
    }
    case "tree":
      return { kind: "files", description: base.description };
    case "unknown":
      return { kind: "image", reference: formatReference(base.reference), unknown: base.reason.message };
  }
}

function needsOf(index: number, plan: BuildPlan): readonly NeedDescription[] {
  return [...plan.stages.values()].flatMap((stage): readonly NeedDescription[] => {
    const { base, from, steps } = stage;
    const need = (line: number, keyword: string): NeedDescription => ({ stage: stage.index, line, keyword });
    return [
      ...(base.kind === "stage" && base.index === index ? [need(from.line.range.startLine, "FROM")] : []),
      ...steps.flatMap((step) =>
        sourcesOf(step, stage).some((source) => source.kind === "stage" && source.index === index)
          ? [need(step.range.startLine, step.node.keyword)]
          : []
      ),
    ];
  });
}

function sourcesOf({ node }: EvaluatedStep, { sources }: PlannedStage): readonly StepSource[] {
  const origins = instructionOf(node.line).origins?.(node) ?? [];
  return origins.flatMap((origin) => (origin.kind === "named" ? sources.get(sourceKey(origin)) : undefined) ?? []);
}

function describeStep(step: EvaluatedStep, stage: PlannedStage): StepDescription {
  const { node, expanded, state, range, isTrigger, makesLayer, unknown } = step;
  const instruction = instructionOf(node.line);
  const createdBy = instruction.history(expanded, state);
  const reads = [
    ...(instruction.origins?.(node).some(({ kind }) => kind === "context") ? [{ kind: "context" as const }] : []),
    ...sourcesOf(step, stage).map(describeSource),
  ];
  return {
    line: range.startLine,
    endLine: range.endLine,
    keyword: node.keyword,
    text: node.line.text.trim(),
    ...(isTrigger ? { trigger: true } : {}),
    ...(createdBy === undefined ? {} : { createdBy }),
    layer: makesLayer,
    ...(reads.length === 0 ? {} : { reads }),
    ...(unknown.length === 0 ? {} : { unknown }),
  };
}

function describeSource(source: StepSource): ReadDescription {
  switch (source.kind) {
    case "image":
      return { kind: "image", reference: formatReference(source.reference) };
    case "tree":
      return { kind: "files", description: source.description };
    default:
      return source;
  }
}
