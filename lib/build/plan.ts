/**
 * The plan of a build: which stages are built, from what, in which order, and what they read from each other.
 *
 * Only stages that a target reaches are planned: by FROM, COPY --from and mounts, and by the triggers that bases fire,
 * which can reach further ones. Base images are asked for their config here, and only those of planned stages; nothing
 * else is fetched or run (dockerfile.md 3.1).
 *
 * @module
 */
import type { Escape } from "../dockerfile/line.ts";
import { suggest } from "../dockerfile/suggest.ts";
import type { Warning } from "../dockerfile/warning.ts";
import { KilnError, locating } from "../errors.ts";
import type { ImagePuller, PulledImage } from "../image/pull.ts";
import { createGlobalExpander } from "../instructions/expander.ts";
import { FROM, platformOf } from "../instructions/from.ts";
import type { BuildArguments, Node, Origin } from "../instructions/instruction.ts";
import { findBaseStage, findStage, stageIndex, type StageText } from "../instructions/stages.ts";
import { instructionOf } from "../instructions/table.ts";
import { parseTriggers } from "../instructions/triggers.ts";
import { formatPlatform, type Platform } from "../oci/platform.ts";
import { parseReference, type Reference } from "../oci/reference.ts";

/** What a stage starts from. */
export type StageBase =
  | { readonly kind: "scratch" }
  | { readonly kind: "stage"; readonly index: number }
  | { readonly kind: "image"; readonly image: PulledImage };

/** One instruction of a stage. */
export interface PlannedStep {
  readonly node: Node;
  /** Set for a step that the base fired: the FROM line is to blame, not the line the step was written on. */
  readonly isTrigger: boolean;
}

/** One stage that is built. */
export interface PlannedStage {
  readonly index: number;
  /** For people: its name, or `stage-1`; empty if it is the only one. */
  readonly title: string;
  readonly from: Node;
  readonly base: StageBase;
  readonly platform: Platform;
  readonly steps: readonly PlannedStep[];
  /** Stages and images that steps read from, by `sourceKey`. */
  readonly sources: ReadonlyMap<string, StepSource>;
}

/** What a name in `--from=` stands for. */
export type StepSource =
  | { readonly kind: "stage"; readonly index: number }
  | { readonly kind: "image"; readonly reference: Reference };

/** What is built. */
export interface BuildPlan {
  /** In the order of the file; each needs only earlier ones. */
  readonly stages: ReadonlyMap<number, PlannedStage>;
  /** Indexes of the targets; the first one becomes the image. */
  readonly targets: readonly number[];
  readonly build: BuildArguments;
  readonly escape: Escape;
  /** Of stages that do not say, and of images that are only copied from. */
  readonly platform: Platform;
}

/** What to plan. */
export interface PlanRequest {
  readonly stages: readonly StageText[];
  /** Names or indexes; empty: the last stage. */
  readonly targets: readonly string[];
  readonly platform: Platform;
  readonly build: BuildArguments;
  readonly escape: Escape;
  readonly onWarning: (warning: Warning) => void;
}

/**
 * Makes the plan.
 *
 * @throws {KilnError} kind `dockerfile` or `usage`, or what asking for a base image throws.
 */
export async function makePlan(request: PlanRequest, puller: ImagePuller): Promise<BuildPlan> {
  const targets = findTargets(request.stages, request.targets);
  const planner = new Planner(request, puller);
  await planner.addAll(targets);
  const stages = new Map([...planner.stages].sort(([a], [b]) => a - b));
  return { stages, targets, build: request.build, escape: request.escape, platform: request.platform };
}

class Planner {
  readonly stages = new Map<number, PlannedStage>();
  readonly #request: PlanRequest;
  readonly #puller: ImagePuller;
  readonly #planning = new Map<number, Promise<PlannedStage>>();

  constructor(request: PlanRequest, puller: ImagePuller) {
    this.#request = request;
    this.#puller = puller;
  }

  /** Plans stages and everything they need; their base images are looked up at the same time. */
  async addAll(indexes: Iterable<number>): Promise<void> {
    const results = await Promise.allSettled([...indexes].map((index) => this.#stage(index)));
    for (const result of results) if (result.status === "rejected") throw result.reason;
  }

  #stage(index: number): Promise<PlannedStage> {
    const known = this.#planning.get(index);
    if (known !== undefined) return known;
    const planned = this.#plan(index);
    this.#planning.set(index, planned);
    return planned;
  }

  async #plan(index: number): Promise<PlannedStage> {
    const { stages } = this.#request;
    const stage = stages[index];
    if (stage === undefined) throw new Error(`Unreachable: there is no stage ${index}`);
    const { range } = stage.from.line;
    const { base, platform, triggers } = await locating(range, () => this.#base(stage));
    const steps = [
      ...parseTriggers(triggers, range).map((node) => ({ node, isTrigger: true })),
      ...stage.nodes.map((node) => ({ node, isTrigger: false })),
    ];
    const planned: PlannedStage = {
      index,
      title: stages.length === 1 ? "" : stage.name ?? `stage-${index}`,
      from: stage.from,
      base,
      platform,
      steps,
      sources: await this.#sources(stage, steps),
    };
    this.stages.set(index, planned);
    await this.addAll([...planned.sources.values()].flatMap((found) => found.kind === "stage" ? [found.index] : []));
    return planned;
  }

  async #base(stage: StageText): Promise<{ base: StageBase; platform: Platform; triggers: readonly string[] }> {
    const { stages, build, escape, platform: wanted, onWarning } = this.#request;
    const { range } = stage.from.line;
    const expander = createGlobalExpander(build, { escape, onFinding: (finding) => onWarning({ ...finding, range }) });
    const from = { ...stage.from, ...FROM.expand?.(stage.from, expander) };
    const earlier = findBaseStage(from.base, stages.slice(0, stage.index));
    if (earlier !== undefined) {
      const parent = await this.#stage(earlier.index);
      return { base: { kind: "stage", index: earlier.index }, platform: parent.platform, triggers: triggersOf(parent) };
    }
    const platform = platformOf(from) ?? wanted;
    if (from.base === "scratch") return { base: { kind: "scratch" }, platform, triggers: [] };
    const image = await this.#puller.pull(referenceOf(from.base), platform);
    const found = mismatch(image, platform);
    if (found !== undefined) {
      const message = `Base image ${from.base} was pulled with platform "${found}", expected "${
        formatPlatform(platform)
      }"`;
      onWarning({ rule: "InvalidBaseImagePlatform", message, range });
    }
    return { base: { kind: "image", image }, platform, triggers: image.config.config.OnBuild ?? [] };
  }

  async #sources(stage: StageText, steps: readonly PlannedStep[]): Promise<ReadonlyMap<string, StepSource>> {
    const sources = new Map<string, StepSource>();
    for (const { node, isTrigger } of steps) {
      await locating(isTrigger ? stage.from.line.range : node.line.range, () => {
        for (const origin of instructionOf(node.line).origins?.(node) ?? []) {
          if (origin.kind !== "named") continue;
          sources.set(sourceKey(origin), this.#source(origin, stage.index));
        }
      });
    }
    return sources;
  }

  /** A stage can only read from stages in front of it, so there are no circles. */
  #source(origin: Origin & { kind: "named" }, current: number): StepSource {
    const { stages } = this.#request;
    const index = origin.indexes ? stageIndex(origin.name) : undefined;
    if (index !== undefined) {
      if (index >= 0 && index < current) return { kind: "stage", index };
      throw new KilnError("dockerfile", `Cannot use stage ${origin.name} here: ${misplaced(index, current, stages)}`);
    }
    const found = findStage(origin.name, stages.slice(0, current));
    if (found !== undefined) return { kind: "stage", index: found.index };
    const later = findStage(origin.name, stages);
    if (later === undefined) return { kind: "image", reference: referenceOf(origin.name) };
    throw new KilnError(
      "dockerfile",
      `Cannot use the stage "${origin.name}" here: ${misplaced(later.index, current, stages)}`,
    );
  }
}

function misplaced(index: number, current: number, stages: readonly StageText[]): string {
  if (index === current) return "it would be a circular dependency of the stage on itself";
  if (index > current && index < stages.length) return "it must be defined before it is used";
  return current === 0
    ? "no stage stands before this one"
    : `only the stages 0 to ${current - 1} stand before this one`;
}

/**
 * Returns the stages that `--target` names (in any case) or numbers; the last one if none is named.
 *
 * @throws {KilnError} kind `usage`, with the nearest name.
 */
export function findTargets(stages: readonly StageText[], targets: readonly string[]): readonly number[] {
  if (targets.length === 0) return [stages.length - 1];
  return targets.map((target) => {
    const found = findStage(target, stages);
    if (found !== undefined) return found.index;
    const index = stageIndex(target);
    if (index !== undefined && index >= 0 && index < stages.length) return index;
    const names = stages.flatMap(({ name }) => name === undefined ? [] : [name]);
    const near = suggest(target, names);
    const hint = near !== undefined
      ? `did you mean "${near}"?`
      : names.length === 0
      ? "no stage has a name"
      : `the stages are ${names.join(", ")}`;
    throw new KilnError("usage", `Cannot build the target "${target}": there is no such stage`, { hint });
  });
}

/** The key of a name in `PlannedStage.sources`. A number is a stage for COPY and an image for a mount. */
export function sourceKey({ name, indexes }: Origin & { kind: "named" }): string {
  return `${indexes} ${name.toLowerCase()}`;
}

/** What a stage registered for those that start from it. */
function triggersOf(stage: PlannedStage): readonly string[] {
  return stage.steps.flatMap(({ node }) => isOnbuild(node) ? [node.trigger] : []);
}

function isOnbuild(node: Node): node is Node & { readonly trigger: string } {
  return node.keyword === "ONBUILD" && "trigger" in node && typeof node.trigger === "string";
}

/** Returns the platform of an image that has another operating system or architecture than it was wanted for. */
function mismatch({ config }: PulledImage, { os, architecture }: Platform): string | undefined {
  if (config.os === os && config.architecture === architecture) return undefined;
  const { variant } = config;
  return formatPlatform({
    os: config.os,
    architecture: config.architecture,
    ...(variant === undefined ? {} : { variant }),
  });
}

/** In a Dockerfile a bad reference is the Dockerfile's fault. */
function referenceOf(text: string): Reference {
  try {
    return parseReference(text);
  } catch (error) {
    if (!(error instanceof KilnError)) throw error;
    throw new KilnError("dockerfile", error.message, error.hint === undefined ? {} : { hint: error.hint });
  }
}
