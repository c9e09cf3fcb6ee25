/**
 * A plan for people: each stage with what it starts from, who needs it, and its steps.
 *
 * @module
 */
import { escapeControls } from "../report/escape.ts";
import type {
  BaseDescription,
  PlanDescription,
  ReadDescription,
  StageDescription,
  StepDescription,
} from "./describe_plan.ts";

/** Longer lines are cut: a plan is for a screen. */
const MAX_SHOWN = 160;

/** Returns the text of a plan. */
export function formatPlan(plan: PlanDescription): string {
  const { stages, targets, platform, dockerfile } = plan;
  const built = stages.filter(({ skipped }) => skipped === undefined).length;
  const count = `${built} of ${stages.length} ${stages.length === 1 ? "stage" : "stages"}`;
  const head = [`Plan of "${escapeControls(dockerfile)}": ${count}, for ${platform}`];
  const parts = stages.map((stage) => formatStage(stage, targets, nameIn(stages)));
  const unknown = stages.some(({ base }) => base?.unknown !== undefined);
  const foot = unknown
    ? [[
      "Not known before the build: the base images marked so, their variables and what their ONBUILD triggers do.",
    ]]
    : [];
  return [head, ...parts, ...foot].map((lines) => lines.map((line) => `${line.trimEnd()}\n`).join("")).join("\n");
}

/** Returns how a stage is called: `stage 0 "build"`. */
function nameIn(stages: readonly StageDescription[]): (index: number) => string {
  return (index) => {
    const name = stages[index]?.name;
    return name === undefined ? `stage ${index}` : `stage ${index} "${name}"`;
  };
}

function formatStage(
  stage: StageDescription,
  targets: readonly number[],
  nameOf: (index: number) => string,
): readonly string[] {
  const { index, line, skipped, base, neededBy = [], steps = [] } = stage;
  const name = nameOf(index).replace("s", "S");
  if (skipped !== undefined) return [`${name} (line ${line}) is skipped: ${skipped}`];
  const role = targets[0] === index ? " becomes the image" : targets.includes(index) ? " is a target" : "";
  const needs = neededBy.map((need) => `${nameOf(need.stage)} (${need.keyword}, line ${need.line})`);
  const width = Math.max(0, ...steps.map((step) => String(step.line).length));
  return [
    `${name} (line ${line})${role}`,
    `  ${show(stage.from)}`,
    ...(base === undefined ? [] : formatBase(base, nameOf)),
    ...(stage.replaced ? ["    in the place of its instructions"] : []),
    `    for ${stage.platform}`,
    ...(needs.length === 0 ? [] : [`    needed by ${needs.join(", ")}`]),
    ...steps.flatMap((step) => formatStep(step, width, nameOf)),
  ];
}

function formatBase(base: BaseDescription, nameOf: (index: number) => string): readonly string[] {
  if (base.kind === "stage") return [`    from ${nameOf(base.index ?? 0)}`];
  if (base.kind === "scratch") return ["    from nothing"];
  if (base.kind === "files") return [`    from ${escapeControls(base.description ?? "")}`];
  const digest = base.digest === undefined || base.reference?.includes("@") ? "" : `@${base.digest}`;
  const image = `    from the image ${base.reference}${digest}`;
  return base.unknown === undefined ? [image] : [image, `    not known: ${escapeControls(base.unknown)}`];
}

function formatStep(step: StepDescription, width: number, nameOf: (index: number) => string): readonly string[] {
  const number = String(step.line).padStart(width);
  const indent = " ".repeat(width + 6);
  const expanded = expandedOf(step);
  const reads = (step.reads ?? []).map((read) => formatRead(read, nameOf));
  return [
    `  ${number}  ${step.trigger ? "ONBUILD " : ""}${show(step.text)}${step.layer ? "  [layer]" : ""}`,
    ...(expanded === undefined ? [] : [`${indent}= ${show(expanded)}`]),
    ...(reads.length === 0 ? [] : [`${indent}reads ${[...new Set(reads)].join(", ")}`]),
    ...(step.unknown === undefined ? [] : [
      `${indent}not known: the base image may set ${step.unknown.map((name) => `$${name}`).join(", ")}`,
    ]),
  ];
}

function formatRead(
  { kind, index = 0, reference, description = "" }: ReadDescription,
  nameOf: (index: number) => string,
): string {
  switch (kind) {
    case "context":
      return "the build context";
    case "scratch":
      return "nothing";
    case "stage":
      return nameOf(index);
    case "image":
      return `the image ${reference}`;
    case "files":
      return escapeControls(description);
  }
}

/** The history's text where it says something new. That of RUN says how it is executed, not what. */
function expandedOf({ keyword, text, createdBy }: StepDescription): string | undefined {
  if (createdBy === undefined || keyword === "RUN") return undefined;
  const plain = createdBy.replace(/ # buildkit$/, "");
  return plain.toLowerCase() === text.replaceAll(/\s+/g, " ").toLowerCase() ? undefined : plain;
}

function show(text: string): string {
  const line = escapeControls(text);
  return line.length <= MAX_SHOWN ? line : `${line.slice(0, MAX_SHOWN).toWellFormed()}...`;
}
