/**
 * What the names in `--from=` stand for: stages in front of the one that reads, or images.
 *
 * @module
 */
import type { SourceRange } from "../dockerfile/source.ts";
import { locate } from "../dockerfile/locate.ts";
import { KilnError } from "../errors.ts";
import type { Origin } from "../instructions/instruction.ts";
import { findStage, stageIndex, type StageText } from "../instructions/stages.ts";
import { instructionOf } from "../instructions/table.ts";
import type { Platform } from "../oci/platform.ts";
import { parseReference, type Reference } from "../oci/reference.ts";
import type { NamedContext, NamedContexts } from "./named_contexts.ts";

/** What a name in `--from=` stands for. */
export type StepSource =
  | { readonly kind: "stage"; readonly index: number }
  | NamedContext;

/** An origin that has a name. */
export type NamedOrigin = Origin & { readonly kind: "named" };

/** What names can stand for. */
export interface Names {
  readonly stages: readonly StageText[];
  readonly contexts: NamedContexts;
  /** Of what is only copied from. */
  readonly platform: Platform;
}

/** The key of a name among the sources of a stage. A number is a stage for COPY and an image for a mount. */
export function sourceKey({ name, indexes }: NamedOrigin): string {
  return `${indexes} ${name.toLowerCase()}`;
}

/**
 * Returns what the stage `current` reads from. It can only read from stages in front of it, so there are no circles.
 * Unlike the name in a FROM, that in `--from=` means the last stage of that name in the whole file, as in BuildKit.
 *
 * @throws {KilnError} kind `dockerfile`, for a stage that stands elsewhere, and a name that is not an image's either
 */
export function findSource(origin: NamedOrigin, current: number, names: Names): StepSource {
  const { stages, contexts, platform } = names;
  const index = origin.indexes ? stageIndex(origin.name) : undefined;
  if (index !== undefined) {
    if (index >= 0 && index < current) return { kind: "stage", index };
    throw new KilnError("dockerfile", `Cannot use stage ${origin.name} here: ${misplaced(index, current, stages)}`);
  }
  const found = findStage(origin.name, stages);
  if (found === undefined) {
    return contexts.find(origin.name, platform) ?? { kind: "image", reference: referenceOf(origin.name) };
  }
  if (found.index < current) return { kind: "stage", index: found.index };
  const state = misplaced(found.index, current, stages);
  const hasEarlier = findStage(origin.name, stages.slice(0, current)) !== undefined;
  throw new KilnError(
    "dockerfile",
    `Cannot use the stage "${origin.name}" here: ${state}`,
    hasEarlier ? { hint: "of several stages of one name the last one counts: give each a name of its own" } : {},
  );
}

/**
 * Checks what even stages that are not built must keep to: no index without a stage, no circle.
 *
 * @throws {KilnError} kind `dockerfile`
 */
export function checkDependencies(names: Names): void {
  const { stages } = names;
  const needs = stages.map((stage) => dependenciesOf(stage, names));
  const done = new Set<number>();
  for (const { index } of stages) if (!done.has(index)) followDependencies(index, { needs, done, path: [] });
}

/** A stage that another one reads from, and where it does. */
interface Dependency {
  readonly index: number;
  readonly range: SourceRange;
}

function dependenciesOf(stage: StageText, names: Names): readonly Dependency[] {
  const { stages } = names;
  return stage.nodes.flatMap((node): Dependency[] => {
    const { range } = node.line;
    const origins = instructionOf(node.line).origins?.(node) ?? [];
    return origins.flatMap((origin): Dependency[] => {
      if (origin.kind !== "named") return [];
      const index = origin.indexes ? stageIndex(origin.name) : undefined;
      const found = index ?? findStage(origin.name, stages)?.index;
      if (found !== undefined && (found === stage.index || stages[found] === undefined)) {
        locate(range, () => findSource(origin, stage.index, names));
      }
      return found === undefined ? [] : [{ index: found, range }];
    });
  });
}

interface Walk {
  readonly needs: readonly (readonly Dependency[])[];
  /** Stages that lead into no circle. */
  readonly done: Set<number>;
  /** How the stage at hand was reached. */
  readonly path: readonly { readonly stage: number; readonly range: SourceRange }[];
}

function followDependencies(stage: number, { needs, done, path }: Walk): void {
  for (const { index, range } of needs[stage] ?? []) {
    if (done.has(index)) continue;
    const here = [...path, { stage, range }];
    const start = here.findIndex((step) => step.stage === index);
    if (start >= 0) throw circle(here.slice(start).map((step) => step.range));
    followDependencies(index, { needs, done, path: here });
  }
  done.add(stage);
}

function circle(ranges: readonly SourceRange[]): KilnError {
  const lines = ranges.map(({ startLine }) => startLine).join(", ");
  const [range] = ranges;
  return new KilnError(
    "dockerfile",
    `Cannot use a stage here: lines ${lines} make stages need each other in a circle`,
    {
      ...(range === undefined ? {} : { range }),
    },
  );
}

function misplaced(index: number, current: number, stages: readonly StageText[]): string {
  if (index === current) return "it would be a circular dependency of the stage on itself";
  if (index > current && index < stages.length) return "it must be defined before it is used";
  return current === 0
    ? "no stage stands before this one"
    : `only the stages 0 to ${current - 1} stand before this one`;
}

/** In a Dockerfile a bad reference is the Dockerfile's fault. */
export function referenceOf(text: string): Reference {
  try {
    return parseReference(text);
  } catch (error) {
    if (!(error instanceof KilnError)) throw error;
    throw new KilnError("dockerfile", error.message, error.hint === undefined ? {} : { hint: error.hint });
  }
}
