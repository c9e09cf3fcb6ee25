/**
 * The plan of a build: which stages are built, from what, in which order, and what they read from each other.
 *
 * Only stages that a target reaches are planned: by FROM, COPY --from and mounts, and by the triggers that bases fire,
 * which can reach further ones. Base images are asked for their config here, and only those of planned stages, and
 * images that steps read from are looked for; nothing else is fetched or run (dockerfile.md 3.1). With the configs known,
 * all steps are evaluated.
 *
 * @module
 */
import type { Escape } from "../dockerfile/line.ts";
import { locate } from "../dockerfile/locate.ts";
import { suggest } from "../dockerfile/suggest.ts";
import { KilnError, locating } from "../errors.ts";
import type { Checks } from "../checks/checks.ts";
import type { ImagePuller, PulledImage } from "../image/pull.ts";
import { FROM, type FromNode, platformOf } from "../instructions/from.ts";
import { expandGlobally } from "../instructions/global_args.ts";
import { type BuildArguments, isOf, type Node, type StageState } from "../instructions/instruction.ts";
import { ONBUILD } from "../instructions/onbuild.ts";
import { findBaseStage, findStage, stageIndex, type StageText } from "../instructions/stages.ts";
import { childState, imageState, scratchState } from "../instructions/state.ts";
import { instructionOf } from "../instructions/table.ts";
import { parseTriggers } from "../instructions/triggers.ts";
import type { ImageConfig } from "../oci/config.ts";
import type { Platform } from "../oci/platform.ts";
import type { Reference } from "../oci/reference.ts";
import { StatusFault } from "../registry/status_fault.ts";
import { blame, type EvaluatedStep, evaluateStage, type WrittenStep } from "./evaluate_stage.ts";
import type { NamedContext, NamedContexts, NamedTree } from "./named_contexts.ts";
import { checkDependencies, findSource, referenceOf, sourceKey, type StepSource } from "./stage_sources.ts";

/** What a stage starts from. */
export type StageBase =
  | { readonly kind: "scratch" }
  | { readonly kind: "stage"; readonly index: number }
  | { readonly kind: "image"; readonly image: PulledImage }
  /** The files of a named context, in a layer of the stage's own. */
  | NamedTree
  /** An image whose config cannot be had now; only in tolerant plans. */
  | { readonly kind: "unknown"; readonly reference: Reference; readonly reason: KilnError };

/** One stage that is built, as far as it is known without its variables. */
interface StageOutline {
  readonly index: number;
  /** For people: its name, or `stage-1`; empty if it is the only one. */
  readonly title: string;
  readonly from: Node;
  readonly base: StageBase;
  readonly platform: Platform;
  readonly steps: readonly WrittenStep[];
  /** Stages and images that steps read from, by `sourceKey`. */
  readonly sources: ReadonlyMap<string, StepSource>;
}

/** One stage that is built. */
export interface PlannedStage extends StageOutline {
  /** Whether it stands on an image whose config is not known: its states lack what that one says. */
  readonly isOpen: boolean;
  readonly steps: readonly EvaluatedStep[];
  /** The state behind the last step. */
  readonly state: StageState;
}

/** What is built. */
export interface BuildPlan {
  /** In the order of the file; each needs only earlier ones. */
  readonly stages: ReadonlyMap<number, PlannedStage>;
  /** Indexes of the targets; the first one becomes the image. */
  readonly targets: readonly number[];
  /** All stages of the file, planned or not. */
  readonly file: readonly StageText[];
  /** Of stages that do not say, and of images that are only copied from. */
  readonly platform: Platform;
}

/** What to plan. */
export interface PlanRequest {
  readonly stages: readonly StageText[];
  /** Names or indexes; empty: the last stage. */
  readonly targets: readonly string[] | "all";
  readonly platform: Platform;
  readonly contexts: NamedContexts;
  readonly build: BuildArguments;
  readonly escape: Escape;
  readonly checks: Checks;
  /** Plans also where the config of a base image cannot be had. Such a plan cannot be built. */
  readonly tolerant: boolean;
}

/**
 * Makes the plan.
 *
 * @throws {KilnError} kind `dockerfile` or `usage`, or what asking for a base image throws.
 */
export async function makePlan(request: PlanRequest, puller: ImagePuller): Promise<BuildPlan> {
  const froms = request.stages.map((stage) => expandFrom(stage, request));
  const targets = findTargets(request.stages, request.targets);
  const planner = new Planner(request, froms, puller);
  await planner.addAll(targets);
  checkUnplanned(froms, request);
  const outlines = [...planner.outlines.values()].sort((a, b) => a.index - b.index);
  const stages = evaluateAll(outlines, request);
  await planner.lookedUp();
  return { stages, targets, file: request.stages, platform: request.platform };
}

/** Evaluates stages in the order of the file: a stage needs the state of the one it starts from. */
function evaluateAll(
  outlines: readonly StageOutline[],
  { build, escape, checks }: PlanRequest,
): ReadonlyMap<number, PlannedStage> {
  const planned = new Map<number, PlannedStage>();
  for (const outline of outlines) {
    const initial = initialState(outline, { build, stages: planned });
    const isOpen = isOpenBase(outline.base, planned);
    const steps = evaluateStage(initial, outline.steps, { escape, checks, isOpen });
    planned.set(outline.index, { ...outline, isOpen, steps, state: steps.at(-1)?.state ?? initial });
  }
  return planned;
}

function initialState(
  { base, platform }: StageOutline,
  { build, stages }: { readonly build: BuildArguments; readonly stages: ReadonlyMap<number, PlannedStage> },
): StageState {
  if (base.kind === "image") return imageState(base.image.config, { build, platform });
  // Of an unknown image nothing is known but that it has no triggers here; files have no config.
  if (base.kind !== "stage") return scratchState({ build, platform });
  const parent = stages.get(base.index);
  if (parent === undefined) throw new Error(`Unreachable: stage ${base.index} comes before those that need it`);
  return childState(parent.state);
}

function isOpenBase(base: StageBase, stages: ReadonlyMap<number, PlannedStage>): boolean {
  return base.kind === "unknown" || (base.kind === "stage" && stages.get(base.index)?.isOpen === true);
}

/** Tells whether an image may well exist, although nobody can be asked about it now. */
function isOutOfReach(error: KilnError): boolean {
  if (error.kind === "denied") return true;
  const isMissing = error.cause instanceof StatusFault && error.cause.status === 404;
  return error.kind === "registry" && error.cause !== undefined && !isMissing;
}

/** Images that everybody mistypes sooner or later, as in BuildKit. */
const COMMON_IMAGES = ["alpine", "busybox", "centos", "debian", "golang", "ubuntu", "fedora"];

function imageNames(stages: readonly StageText[]): readonly string[] {
  const names = stages.flatMap(({ name }) => name ?? []);
  return [...names, ...COMMON_IMAGES, ...COMMON_IMAGES.map((image) => `${image}:latest`)];
}

/** Replaces the variables of a FROM: of every stage, needed or not, as in BuildKit. */
function expandFrom({ from }: StageText, { build, escape, checks }: PlanRequest): FromNode {
  checks.from(from, build, escape);
  return expandGlobally(build, { escape, line: from.line }, (expander) => FROM.expand?.(from, expander) ?? from);
}

/** Checks what even stages that are not built must keep to, as in BuildKit. */
function checkUnplanned(froms: readonly FromNode[], request: PlanRequest): void {
  const { stages } = request;
  for (const [index, { base, line }] of froms.entries()) {
    if (base === "scratch" || findBaseStage(base, stages.slice(0, index)) !== undefined) continue;
    locate(line.range, () => referenceOf(base));
  }
  checkDependencies(request);
}

/** What a stage starts from. */
interface FoundBase {
  readonly base: StageBase;
  readonly platform: Platform;
  /** Texts of the triggers that it fires. */
  readonly triggers: readonly string[];
  /** Set if it takes the place of the whole stage. */
  readonly isReplaced?: true;
}

class Planner {
  readonly outlines = new Map<number, StageOutline>();
  readonly #request: PlanRequest;
  /** By stage, expanded. */
  readonly #froms: readonly FromNode[];
  readonly #puller: ImagePuller;
  readonly #planning = new Map<number, Promise<StageOutline>>();
  /** Looking for the images that steps read from. */
  readonly #lookups: (() => Promise<void>)[] = [];

  constructor(request: PlanRequest, froms: readonly FromNode[], puller: ImagePuller) {
    this.#request = request;
    this.#froms = froms;
    this.#puller = puller;
  }

  /** Plans stages and everything they need; their base images are looked up at the same time. */
  async addAll(indexes: Iterable<number>): Promise<void> {
    const results = await Promise.allSettled([...indexes].map((index) => this.#stage(index)));
    for (const result of results) if (result.status === "rejected") throw result.reason;
  }

  /** Resolves when the images that steps read from are known to exist: not only after an hour of building. */
  async lookedUp(): Promise<void> {
    for (const lookup of this.#lookups) await lookup();
  }

  #stage(index: number): Promise<StageOutline> {
    const known = this.#planning.get(index);
    if (known !== undefined) return known;
    const outline = this.#outline(index);
    this.#planning.set(index, outline);
    return outline;
  }

  async #outline(index: number): Promise<StageOutline> {
    const { stages } = this.#request;
    const [stage, from] = [stages[index], this.#froms[index]];
    if (stage === undefined || from === undefined) throw new Error(`Unreachable: there is no stage ${index}`);
    const { range } = stage.from.line;
    const { base, platform, triggers, isReplaced = false } = await locating(range, () => this.#base(stage, from));
    const sources = new Map<string, StepSource>();
    const written: readonly WrittenStep[] = isReplaced ? [] : [
      ...parseTriggers(triggers, range).map((node) => ({ node, isTrigger: true, range })),
      ...stage.nodes.map((node) => ({ node, isTrigger: false, range: node.line.range })),
    ];
    const steps = written.map((step) => this.#withSources(step, index, sources));
    const outline: StageOutline = {
      index,
      title: stages.length === 1 ? "" : stage.name ?? `stage-${index}`,
      from: stage.from,
      base,
      platform,
      steps,
      sources,
    };
    this.outlines.set(index, outline);
    await this.addAll([...outline.sources.values()].flatMap((found) => found.kind === "stage" ? [found.index] : []));
    return outline;
  }

  /** Finds what a stage starts from; a named context may take the place of the whole stage, its steps and triggers. */
  async #base(stage: StageText, from: FromNode): Promise<FoundBase> {
    const { stages, contexts, platform: wanted } = this.#request;
    const replacement = contexts.replacementOf(stage, platformOf(from) ?? wanted);
    if (replacement !== undefined) return { ...await this.#named(replacement, from), isReplaced: true };
    const earlier = findBaseStage(from.base, stages.slice(0, stage.index));
    if (earlier !== undefined) {
      const parent = await this.#stage(earlier.index);
      return { base: { kind: "stage", index: earlier.index }, platform: parent.platform, triggers: triggersOf(parent) };
    }
    // Nothing is of no platform: as in BuildKit, --platform means nothing there.
    if (from.base === "scratch") return { base: { kind: "scratch" }, platform: wanted, triggers: [] };
    const platform = platformOf(from) ?? wanted;
    const context = contexts.find(from.base, platform) ?? { kind: "image", reference: referenceOf(from.base) };
    return await this.#named(context, from);
  }

  async #named(context: NamedContext, from: FromNode): Promise<FoundBase> {
    const platform = platformOf(from) ?? this.#request.platform;
    if (context.kind !== "image") return { base: context, platform, triggers: [] };
    const base = await this.#image(from.base, context.reference, platform);
    this.#request.checks.base({
      node: from,
      name: from.base,
      wanted: platform,
      ...(base.kind === "unknown" ? {} : { found: platformOfImage(base.image.config) }),
    });
    return { base, platform, triggers: base.kind === "unknown" ? [] : base.image.config.config.OnBuild ?? [] };
  }

  async #image(
    name: string,
    reference: Reference,
    platform: Platform,
  ): Promise<StageBase & { readonly kind: "image" | "unknown" }> {
    try {
      return { kind: "image", image: await this.#puller.pull(reference, platform) };
    } catch (error) {
      if (!(error instanceof KilnError)) throw error;
      if (this.#request.tolerant && isOutOfReach(error)) return { kind: "unknown", reference, reason: error };
      throw this.#withNearName(error, name);
    }
  }

  #withNearName(error: KilnError, name: string): KilnError {
    const near = suggest(name, imageNames(this.#request.stages));
    return near === undefined ? error : error.withHint(`did you mean ${near}?`);
  }

  /** Looks for an image that a step reads from, now, so that what comes of it is known once all else is. */
  #lookUp(name: string, reference: Reference, step: WrittenStep): void {
    const found = this.#puller.pull(reference, this.#request.platform);
    found.catch(() => {});
    this.#lookups.push(async () => {
      try {
        await found;
      } catch (error) {
        throw blame(step, error instanceof KilnError ? this.#withNearName(error, name) : error);
      }
    });
  }

  /** Finds what a step reads from; what it cannot read from makes it a step that cannot be built. */
  #withSources(step: WrittenStep, current: number, sources: Map<string, StepSource>): WrittenStep {
    try {
      for (const origin of instructionOf(step.node.line).origins?.(step.node) ?? []) {
        if (origin.kind !== "named") continue;
        const source = findSource(origin, current, this.#request);
        sources.set(sourceKey(origin), source);
        if (source.kind === "image" && !this.#request.tolerant) this.#lookUp(origin.name, source.reference, step);
      }
      return step;
    } catch (error) {
      if (error instanceof KilnError) return { ...step, fault: error };
      throw error;
    }
  }
}

/**
 * Returns the stages that `--target` names (in any case) or numbers; the last one if none is named.
 *
 * @throws {KilnError} kind `usage`, with the nearest name.
 */
function findTargets(stages: readonly StageText[], targets: readonly string[] | "all"): readonly number[] {
  if (targets === "all") return [stages.length - 1, ...stages.keys()];
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

/** What a stage registered for those that start from it. */
function triggersOf(stage: StageOutline): readonly string[] {
  return stage.steps.flatMap(({ node }) => isOf(ONBUILD, node) ? [node.trigger] : []);
}

function platformOfImage({ os, architecture, variant }: ImageConfig): Platform {
  return { os, architecture, ...(variant === undefined ? {} : { variant }) };
}
