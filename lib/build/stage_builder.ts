/**
 * Building one stage: each instruction in turn, from expansion to the layer it leaves.
 *
 * @module
 */
import type { WorkerPool } from "../async/worker_pool.ts";
import type { SourceRange } from "../dockerfile/source.ts";
import { locating } from "../errors.ts";
import type { PackedLayer } from "../image/packer.ts";
import type { StageState } from "../instructions/instruction.ts";
import type { TreeStep } from "../instructions/step.ts";
import { instructionOf } from "../instructions/table.ts";
import type { BytePath } from "../io/byte_path.ts";
import type { Report } from "../report/report.ts";
import type { RootFs, Snapshot } from "../rootfs/rootfs.ts";
import { explainHostFault } from "../sys/errno.ts";
import type { FileTree } from "../tree/file_tree.ts";
import type { Jobs } from "../worker.ts";
import { blame, type EvaluatedStep } from "./evaluate_stage.ts";
import type { PlannedStage } from "./plan.ts";

/** What became of a stage. */
export interface StageResult {
  /** What this stage adds to the history of its base; layers may still be on their way. */
  readonly history: readonly PendingHistory[];
  /** Returns the finished tree; asked for only by stages that start or copy from it. */
  snapshot(): Promise<Snapshot>;
}

/** A history entry whose layer may still be on its way. */
export interface PendingHistory {
  readonly layer: Promise<PackedLayer> | undefined;
  /** Absent: no instruction made the layer. */
  readonly createdBy?: string;
  readonly at: Date;
}

/** What a step leaves. In an object: a promise that is returned would be waited for. */
type MadeLayer = Pick<PendingHistory, "layer">;

const NO_LAYER: MadeLayer = { layer: undefined };

/** What a stage is built with. */
export interface StageParts {
  readonly stage: PlannedStage;
  /** Returns the tree the stage starts from; asked for at the first step that touches files. */
  base(): Promise<Snapshot>;
  /** Returns files that are the stage's first layer; absent: the base is all there is. */
  readonly files?: () => Promise<FileTree>;
  /** Opens a writable tree over the base. */
  open(base: Snapshot): Promise<RootFs>;
  /** Makes what a step may use; disposed of after the step. */
  context(step: { readonly state: StageState; readonly root: BytePath; readonly report: Report }): StepResources;
  /** Makes an empty directory that stays as long as the stage's trees are of use. */
  newTree(): BytePath;
  /** Packs a tree that was made apart: everything in it, whatever the stage has. */
  packTree(tree: BytePath): Promise<PackedLayer>;
  readonly pool: WorkerPool<Jobs>;
  /** Told about each layer as soon as it is being packed. */
  onLayer(layer: Promise<PackedLayer>): void;
  /**
   * How many layers to make of the stage: one for all steps is taken after the last one that touches files, none is
   * made of a stage that is only copied from.
   */
  readonly layers: "each" | "one" | "none";
  readonly report: Report;
  readonly signal: AbortSignal;
  now(): Date;
}

/** A step's context and its end. */
export interface StepResources extends Disposable {
  readonly context: TreeStep;
}

/** Builds a stage. @throws {KilnError} with the position of the instruction that failed */
export async function buildStage(parts: StageParts): Promise<StageResult> {
  const builder = new StageBuilder(parts);
  try {
    const { files, stage } = parts;
    if (files !== undefined) await locating(stage.from.line.range, () => builder.begin(files));
    for (const [at, step] of parts.stage.steps.entries()) {
      parts.signal.throwIfAborted();
      try {
        await builder.step(step, at);
      } catch (error) {
        throw blame(step, explainHostFault(error));
      }
    }
    return builder.result();
  } catch (error) {
    await builder.abandon();
    throw error;
  }
}

class StageBuilder {
  readonly #parts: StageParts;
  readonly #history: PendingHistory[] = [];
  readonly #lastFileStep: number;
  /** How many steps that touch files there are, with FROM, and which the one at hand is. */
  readonly #total: number;
  #number = 1;
  #rootfs: RootFs | undefined;
  /** Trees that were made apart and are still to be laid over the stage's. */
  readonly #stacked: { readonly tree: BytePath; readonly layer: Promise<PackedLayer> | undefined }[] = [];
  #snapshot: Promise<Snapshot> | undefined;

  constructor(parts: StageParts) {
    this.#parts = parts;
    const touchesFiles = ({ node }: EvaluatedStep): boolean => instructionOf(node.line).run !== undefined;
    this.#lastFileStep = parts.stage.steps.findLastIndex(touchesFiles);
    this.#total = parts.stage.steps.filter(touchesFiles).length + 1;
  }

  /** Makes a layer of files that are not of the stage's own making. */
  async begin(files: () => Promise<FileTree>): Promise<void> {
    const { newTree, pool, stage, layers, now } = this.#parts;
    const [from, tree] = [await files(), newTree()];
    await pool.run("copyInto", { from, sources: ["/"], literal: true, root: tree, destination: "/" });
    if (layers === "one" && this.#lastFileStep >= 0) return await this.#copyOver(tree);
    const { layer } = await this.#stack(tree, stage.from.line.range);
    this.#history.push({ layer, at: now() });
  }

  async step(step: EvaluatedStep, at: number): Promise<void> {
    const createdBy = instructionOf(step.node.line).history(step.expanded, step.state);
    const report = this.#announce(step);
    const { layer } = step.makesLayer ? await this.#run(step, { report, at }) : NO_LAYER;
    if (createdBy !== undefined) this.#history.push({ layer, createdBy, at: this.#parts.now() });
  }

  result(): StageResult {
    return {
      history: this.#history,
      snapshot: () => this.#snapshot ??= this.#finish(),
    };
  }

  async abandon(): Promise<void> {
    await this.#rootfs?.[Symbol.asyncDispose]();
  }

  /** Resolves when the tree may change again; the layer inside is still being packed. */
  async #run(
    { expanded: node, state, range }: EvaluatedStep,
    { report, at }: { readonly report: Report; readonly at: number },
  ): Promise<MadeLayer> {
    const instruction = instructionOf(node.line);
    const { layers } = this.#parts;
    const apart = instruction.apart?.(node);
    const tree = apart === undefined ? undefined : await this.#makeApart(apart, { state, report });
    if (tree !== undefined && layers !== "one") return await this.#stack(tree, range);
    if (tree !== undefined) await this.#copyOver(tree);
    const rootfs = await this.#open();
    if (tree === undefined) {
      using resources = this.#parts.context({ state, root: rootfs.path, report });
      await instruction.run?.(node, { ...resources.context, rootfs });
    }
    if (layers === "none" || layers === "one" && at !== this.#lastFileStep) return NO_LAYER;
    const { layer } = await rootfs.checkpoint();
    return { layer: this.#announceLayer(layer, range) };
  }

  /** Puts a tree that was made apart into the stage's, as if the step at hand had made it there. */
  async #copyOver(tree: BytePath): Promise<void> {
    const rootfs = await this.#open();
    await this.#parts.pool.run("copyTree", { from: tree, to: rootfs.path, over: true });
  }

  async #makeApart(
    fill: (step: TreeStep) => Promise<void>,
    { state, report }: { readonly state: StageState; readonly report: Report },
  ): Promise<BytePath> {
    const root = this.#parts.newTree();
    using resources = this.#parts.context({ state, root, report });
    await fill(resources.context);
    return root;
  }

  /** Takes a tree over as a layer. The stage itself need not be there for that; it may never be needed at all. */
  async #stack(tree: BytePath, range: SourceRange): Promise<MadeLayer> {
    const layer = this.#parts.layers === "none" ? undefined : this.#announceLayer(this.#parts.packTree(tree), range);
    this.#stacked.push({ tree, layer });
    if (this.#rootfs !== undefined) await this.#layStacked(this.#rootfs);
    return { layer };
  }

  async #layStacked(rootfs: RootFs): Promise<void> {
    for (const { tree, layer } of this.#stacked.splice(0)) await rootfs.stack(tree, layer);
  }

  #announceLayer(layer: Promise<PackedLayer>, range: SourceRange): Promise<PackedLayer> {
    const located = locating(range, () => layer);
    this.#parts.onLayer(located);
    return located;
  }

  async #finish(): Promise<Snapshot> {
    if (this.#rootfs === undefined && this.#stacked.length === 0) return await this.#parts.base();
    return await (await this.#open()).finish();
  }

  /** Says which step begins: those that touch files are counted, FROM is the first. */
  #announce({ node: written, isTrigger }: EvaluatedStep): Report {
    const { stage, report } = this.#parts;
    // Whoever made the base wrote it: always shown, and as what it is (attack S35).
    const text = `${isTrigger ? "ONBUILD " : ""}${displayLine(written.line.text)}`;
    if (instructionOf(written.line).run === undefined) {
      report.message(isTrigger ? "info" : "debug", text);
      return report;
    }
    const step = report.step(`${stage.title === "" ? "" : `${stage.title} `}${++this.#number}/${this.#total}`);
    step.message("info", text);
    return step;
  }

  async #open(): Promise<RootFs> {
    const { base, open, stage } = this.#parts;
    // A base that cannot be had or unpacked is no fault of the step that is the first to need it.
    this.#rootfs ??= await locating(stage.from.line.range, async () => open(await base()));
    await this.#layStacked(this.#rootfs);
    return this.#rootfs;
  }
}

/** One line, not too long. */
function displayLine(text: string): string {
  const line = text.trim().split("\n", 1)[0] ?? "";
  return line.length > 200 ? `${line.slice(0, 200)}...` : line;
}
