/**
 * Building what a plan says: all stages, then the image of the first target.
 *
 * While stages are built, the layers that will be in the image are handed to the outputs, so that uploads overlap with
 * commands; the image itself is only put together at the end.
 *
 * @module
 */
import type { Background } from "../async/background.ts";
import type { Semaphore } from "../async/semaphore.ts";
import { assembleImage, layerOf, type NewHistory } from "../image/assemble.ts";
import type { Image, Layer } from "../image/image.ts";
import type { LayerPacker, PackedLayer } from "../image/packer.ts";
import { TreeExporter } from "../image/tree_exporter.ts";
import type { ImagePuller, PulledImage } from "../image/pull.ts";
import { type GuardedSecret, refuseSecretsIn } from "../image/secret_guard.ts";
import { containerConfig } from "../instructions/state.ts";
import type { Origin, StageState } from "../instructions/instruction.ts";
import type { BytePath } from "../io/byte_path.ts";
import type { ContainerConfig } from "../oci/config.ts";
import type { Family } from "../oci/media_type.ts";
import type { Platform } from "../oci/platform.ts";
import { formatReference } from "../oci/reference.ts";
import type { Output } from "../outputs/output.ts";
import type { Report } from "../report/report.ts";
import { limited } from "../rootfs/limited.ts";
import type { Backend, OpenOptions, Snapshot } from "../rootfs/rootfs.ts";
import type { BlobDirectory } from "../store/blob_directory.ts";
import type { FileTree } from "../tree/file_tree.ts";
import { imageStagesOf } from "./image_stages.ts";
import type { BuildPlan, PlannedStage } from "./plan.ts";
import { buildStages } from "./scheduler.ts";
import { sourceKey } from "./stage_sources.ts";
import { buildStage, type StageResult } from "./stage_builder.ts";
import { StepResources, type StepShared } from "./step_resources.ts";

/** What the image is to be like. */
export interface ImageWishes {
  /** Win over LABEL. */
  readonly labels: ReadonlyMap<string, string>;
  readonly annotations: ReadonlyMap<string, string>;
  /** Of the layers and manifest that go to registries and layouts. */
  readonly family: Family;
  /** What the user asked for; absent: what the base image is. */
  readonly platform?: Platform;
  readonly singleLayer: boolean;
  /** False: only the files of the target are wanted; no layers are made, and there is no image. */
  readonly wantsImage: boolean;
  /** SOURCE_DATE_EPOCH: later times are written as this one. Seconds since the epoch. */
  readonly latestSec?: number;
}

/** What a build works with. */
export interface BuildDeps {
  readonly backend: Backend;
  readonly puller: ImagePuller;
  readonly store: BlobDirectory;
  readonly context: FileTree;
  /** Outputs that layers are handed to while the build goes on. */
  readonly early: readonly Output[];
  readonly background: Background;
  /** What must not be in the image. */
  secrets(): Promise<readonly GuardedSecret[]>;
  readonly packer: LayerPacker;
  /** Makes an empty directory for the tree of a layer that is made apart; it goes with the build. */
  readonly newTree: () => BytePath;
  /** Permits for commands that run at the same time. */
  readonly commands: Semaphore;
  readonly shared: StepShared;
  readonly report: Report;
  /** Ends everything else when a stage has failed. */
  abort(reason: unknown): void;
  now(): Date;
}

/** A finished build. */
export interface BuiltImage {
  /** Returns the image with all media types of one family; only if one was wanted. */
  assemble(family: Family): Image;
  /** Returns what writes out the files of the image. */
  files(): Promise<TreeExporter>;
}

/** Builds. @throws {KilnError} with the position of the instruction that failed */
export async function build(plan: BuildPlan, wishes: ImageWishes, deps: BuildDeps): Promise<BuiltImage> {
  return await new Build(plan, wishes, deps).run();
}

class Build {
  readonly #plan: BuildPlan;
  readonly #wishes: ImageWishes;
  readonly #deps: BuildDeps;
  /** Stages whose layers are in the image; none if there is to be no image. */
  readonly #imageStages: readonly PlannedStage[];
  readonly #target: number;
  readonly #base: PulledImage | undefined;

  constructor(plan: BuildPlan, wishes: ImageWishes, deps: BuildDeps) {
    this.#plan = plan;
    this.#wishes = wishes;
    this.#deps = deps;
    const [target] = plan.targets;
    if (target === undefined) throw new Error("Unreachable: a plan has a target");
    const { base, stages } = imageStagesOf(plan, target);
    this.#target = target;
    this.#base = wishes.wantsImage ? base : undefined;
    this.#imageStages = wishes.wantsImage ? stages : [];
  }

  async run(): Promise<BuiltImage> {
    const state = this.#plan.stages.get(this.#target)?.state;
    if (state === undefined) throw new Error("Unreachable: the target was planned");
    const { annotations } = this.#wishes;
    const secrets = await this.#deps.secrets();
    const inherited = this.#base?.config;
    refuseSecretsIn({ what: "config", value: { config: this.#config(state) }, inherited }, secrets);
    refuseSecretsIn({ what: "manifest", value: { annotations: Object.fromEntries(annotations) } }, secrets);
    this.#stageBase();
    this.#openTrees();
    const results = await buildStages(
      this.#plan,
      (stage, resultOf) => this.#stage(stage, resultOf),
      (reason) => this.#deps.abort(reason),
    );
    const history: NewHistory[] = [];
    for (const { index } of this.#imageStages) {
      for (const entry of results.get(index)?.history ?? []) {
        history.push({ ...entry, layer: await entry.layer });
      }
    }
    refuseSecretsIn({ what: "config", value: { history: history.map(({ createdBy }) => createdBy) } }, secrets);
    return {
      assemble: (family) => this.#assemble(family, state, history),
      files: async () => {
        const snapshot = await results.get(this.#target)?.snapshot();
        if (snapshot === undefined) throw new Error("Unreachable: the target was built");
        return this.#exporter(await snapshot.view(), secrets);
      },
    };
  }

  #assemble(family: Family, state: StageState, history: readonly NewHistory[]): Image {
    const { annotations, latestSec } = this.#wishes;
    return assembleImage({
      base: this.#base,
      history,
      config: this.#config(state),
      platform: this.#platform(state),
      family,
      annotations,
      now: this.#deps.now(),
      ...(state.author === undefined ? {} : { author: state.author }),
      ...(latestSec === undefined ? {} : { latestSec }),
    }, this.#deps.store);
  }

  #exporter(root: BytePath, secrets: readonly GuardedSecret[]): TreeExporter {
    const { latestSec } = this.#wishes;
    const { pool } = this.#deps.shared;
    return new TreeExporter({ pool, root, secrets, ...(latestSec === undefined ? {} : { latestSec }) });
  }

  #config(state: StageState): ContainerConfig {
    return containerConfig({ ...state, labels: state.labels.setAll(this.#wishes.labels) });
  }

  /** What was asked for; else the base image says what it is (dockerfile.md 3.0). */
  #platform(state: StageState): Platform {
    if (this.#wishes.platform !== undefined) return this.#wishes.platform;
    const base = this.#base?.config;
    if (base === undefined) return state.platform;
    return {
      os: base.os,
      architecture: base.architecture,
      ...(base.variant === undefined ? {} : { variant: base.variant }),
      ...(base["os.version"] === undefined ? {} : { "os.version": base["os.version"] }),
    };
  }

  async #stage(
    stage: PlannedStage,
    resultOf: (index: number) => Promise<StageResult>,
  ): Promise<StageResult> {
    const { backend, report, shared, commands } = this.#deps;
    const parent = stage.base.kind === "stage" ? await resultOf(stage.base.index) : undefined;
    this.#announce(stage);
    const layers = !this.#imageStages.includes(stage) ? "none" : this.#wishes.singleLayer ? "one" : "each";
    const how: OpenOptions = {
      lastUse: this.#isLastUse(stage),
      ...(layers === "none" ? { withoutLayers: true } : {}),
    };
    let base: Promise<Snapshot> | undefined;
    const named = stage.base.kind === "tree" ? stage.base : undefined;
    return await buildStage({
      stage,
      ...(named === undefined ? {} : { files: async () => (await named.open()).tree }),
      base: () => base ??= parent === undefined ? this.#baseSnapshot(stage) : parent.snapshot(),
      open: async (snapshot) => limited(await backend.open(snapshot, how), commands),
      context: (parts) =>
        new StepResources(shared, { ...parts, tree: (origin) => this.#tree(stage, origin, resultOf) }),
      newTree: () => this.#deps.newTree(),
      packTree: (tree) => this.#deps.packer.pack({ kind: "overlay", upper: tree, below: [] }),
      pool: shared.pool,
      onLayer: (layer) => this.#onLayer(layer),
      layers,
      report,
      signal: shared.signal,
      now: () => this.#deps.now(),
    });
  }

  #announce(stage: PlannedStage): void {
    const { base, title } = stage;
    if (base.kind !== "image" && base.kind !== "tree") return;
    const what = base.kind === "tree"
      ? base.description
      : `${formatReference(base.image.reference)} (${base.image.descriptor.digest})`;
    this.#deps.report.message("info", `Using ${what}${title === "" ? "" : ` for the stage "${title}"`}`);
  }

  #baseSnapshot(stage: PlannedStage): Promise<Snapshot> {
    const { backend } = this.#deps;
    if (stage.base.kind === "image") return backend.unpack(stage.base.image.layers);
    return Promise.resolve(backend.empty());
  }

  /** Whether no other stage starts from, copies from or mounts what this one starts from. */
  #isLastUse(stage: PlannedStage): boolean {
    const { base } = stage;
    if (base.kind === "scratch" || base.kind === "tree") return true;
    const others = [...this.#plan.stages.values()].filter(({ index }) => index !== stage.index);
    if (base.kind === "stage") {
      const isSame = (index: number): boolean => index === base.index;
      return !others.some((other) =>
        (other.base.kind === "stage" && isSame(other.base.index)) ||
        [...other.sources.values()].some((source) => source.kind === "stage" && isSame(source.index))
      ) && ![...stage.sources.values()].some((source) => source.kind === "stage" && isSame(source.index));
    }
    // An image may also be the source of a COPY, by another name; two stages may start from it by two.
    return this.#plan.stages.size === 1 && stage.sources.size === 0;
  }

  async #tree(
    stage: PlannedStage,
    origin: Origin,
    resultOf: (index: number) => Promise<StageResult>,
  ): Promise<FileTree> {
    if (origin.kind === "context") return this.#deps.context;
    const source = stage.sources.get(sourceKey(origin));
    if (source === undefined) throw new Error(`Unreachable: "${origin.name}" was not planned`);
    if (source.kind === "stage") {
      const snapshot = await (await resultOf(source.index)).snapshot();
      const title = this.#plan.stages.get(source.index)?.title ?? "";
      return { root: await snapshot.view(), kind: "stage", description: `the stage "${title}"` };
    }
    const { puller, backend } = this.#deps;
    if (source.kind === "tree") return (await source.open()).tree;
    if (source.kind === "scratch") {
      return { root: await backend.empty().view(), kind: "image", description: "the empty image" };
    }
    const image = await puller.pull(source.reference, this.#plan.platform);
    const snapshot = await backend.unpack(image.layers);
    return { root: await snapshot.view(), kind: "image", description: `the image "${origin.name}"` };
  }

  #onLayer(layer: Promise<PackedLayer>): void {
    const { store, background } = this.#deps;
    // Also without outputs: whoever awaits it later is not to be the first to hear of a failure.
    background.start("pack a layer", async () => void await layer);
    this.#send("send a layer", async () => layerOf(await layer, this.#wishes.family, store));
  }

  /** A task for each output: when one fails, the others are told to end, and waited for. */
  #send(task: string, layer: () => Promise<Layer>): void {
    const { early, background } = this.#deps;
    for (const output of early) {
      background.start(`${task} to ${output.name}`, async () => await output.stage?.(await layer()));
    }
  }

  /** Named contexts begin to arrive before somebody reads from them, who then hears of a failure. */
  #openTrees(): void {
    for (const { base, sources } of this.#plan.stages.values()) {
      for (const source of [base, ...sources.values()]) {
        if (source.kind === "tree") source.open().catch(() => {});
      }
    }
  }

  /** The base's layers may be on their way to the outputs from the first moment. */
  #stageBase(): void {
    for (const { diffId, descriptor, source } of this.#base?.layers ?? []) {
      this.#send("send a layer of the base image", () => Promise.resolve({ diffId, descriptor, blob: source }));
    }
  }
}
