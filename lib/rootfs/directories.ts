/**
 * Stages as plain directories, each with a whole tree in it; how commands are run in them is `commands.ts`'s.
 *
 * It needs nothing of the kernel. What a step changed is found by comparing the tree with an index of how it was, and
 * written out as a tar before the next step may start.
 *
 * @module
 */
import type { WorkerPool } from "../async/worker_pool.ts";
import type { ExecIo } from "../exec/launch.ts";
import type { ExecResult, ExecSpec } from "../exec/spec.ts";
import type { LayerBlob } from "../image/changed_content.ts";
import type { LayerPacker, PackedLayer } from "../image/packer.ts";
import { type BytePath, bytePathOf } from "../io/byte_path.ts";
import type { ExpansionLimits } from "../io/expansion_limit.ts";
import * as files from "../sys/file.ts";
import { removeTree } from "../tree/remove.ts";
import { outlastInodes } from "../tree/side_record.ts";
import type { LayerFile } from "../store/blob_file.ts";
import type { Jobs } from "../worker.ts";
import type { BlobDirectory } from "../store/blob_directory.ts";
import type { Commands } from "./commands.ts";
import type { Isolation } from "./isolation.ts";
import type { Backend, OpenOptions, RootFs, Snapshot } from "./rootfs.ts";
import { unpackLayer } from "./unpack_layer.ts";

/** What the backend is made of. */
export interface DirectoryOptions {
  /** An empty directory of this build. */
  readonly directory: string;
  readonly pool: WorkerPool<Jobs>;
  readonly packer: LayerPacker;
  readonly store: BlobDirectory;
  readonly commands: Commands;
  /** The side record of the build. */
  readonly record: BytePath;
  /** As in `OverlayOptions`. */
  readonly expansion?: ExpansionLimits;
}

/** Where the content of a tree can be looked up, lowest layer first. */
type LayerBlobs = readonly (() => Promise<LayerBlob>)[];

/** Holds stages as plain directories. */
export class DirectoryBackend implements Backend {
  readonly #options: DirectoryOptions;
  readonly #directory: BytePath;
  readonly #unpacked = new Map<string, Promise<DirectorySnapshot>>();
  #next = 0;

  constructor(options: DirectoryOptions) {
    this.#options = options;
    this.#directory = bytePathOf(options.directory);
  }

  get name(): Isolation {
    return this.#options.commands.isolation;
  }

  get description(): string {
    return `plain directories, ${this.#options.commands.description}`;
  }

  empty(): Snapshot {
    return new DirectorySnapshot(this.makeDirectory("tree"), []);
  }

  unpack(layers: readonly LayerFile[]): Promise<Snapshot> {
    const key = layers.map(({ diffId }) => diffId).join(" ");
    const known = this.#unpacked.get(key);
    if (known !== undefined) return known;
    const unpacked = this.#unpack(layers);
    this.#unpacked.set(key, unpacked);
    return unpacked;
  }

  async open(snapshot: Snapshot, how: OpenOptions): Promise<RootFs> {
    if (!(snapshot instanceof DirectorySnapshot)) throw new TypeError("The snapshot belongs to another backend");
    const root = how.lastUse ? snapshot.directory : await this.#copy(snapshot.directory);
    const tree = { root, blobs: snapshot.blobs };
    return how.withoutLayers
      ? new DirectoryRootFs(this, this.#options, tree)
      : await DirectoryRootFs.open(this, this.#options, tree);
  }

  /** Returns a new path in the build's own directory. */
  newPath(prefix: string): BytePath {
    return `${this.#directory}/${prefix}${this.#next++}`;
  }

  /** Makes a new directory in the build's own. */
  makeDirectory(prefix: string): BytePath {
    const path = this.newPath(prefix);
    files.makeDirectory(files.AT_FDCWD, path, 0o755);
    return path;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#options.commands[Symbol.dispose]();
    return Promise.resolve();
  }

  async #unpack(layers: readonly LayerFile[]): Promise<DirectorySnapshot> {
    const directory = this.makeDirectory("tree");
    const blobs = layers.map((layer) => layer.blob());
    const { pool, expansion } = this.#options;
    for (const layer of layers) await unpackLayer(pool, layer, { directory, form: "applied", expansion });
    const limits = expansion === undefined ? {} : { expansion };
    const sources = layers.map(({ compression }, at) => () =>
      Promise.resolve({ path: blobs[at]?.finalPath ?? "", compression, ...limits })
    );
    return new DirectorySnapshot(directory, sources);
  }

  async #copy(from: BytePath): Promise<BytePath> {
    const to = this.makeDirectory("tree");
    await this.#options.pool.run("copyTree", { from, to });
    return to;
  }
}

class DirectorySnapshot implements Snapshot {
  readonly directory: BytePath;
  readonly blobs: LayerBlobs;

  constructor(directory: BytePath, blobs: LayerBlobs) {
    this.directory = directory;
    this.blobs = blobs;
  }

  view(): Promise<BytePath> {
    return Promise.resolve(this.directory);
  }
}

/** One stage: a directory and the index of how it was at the last checkpoint. */
class DirectoryRootFs implements RootFs {
  readonly path: BytePath;
  readonly #backend: DirectoryBackend;
  readonly #options: DirectoryOptions;
  /** None if no layers are wanted. */
  #index: BytePath | undefined;
  #blobs: LayerBlobs;
  readonly #restored = new Set<BytePath>();

  constructor(
    backend: DirectoryBackend,
    options: DirectoryOptions,
    tree: { root: BytePath; blobs: LayerBlobs; index?: BytePath },
  ) {
    this.#backend = backend;
    this.#options = options;
    this.path = tree.root;
    this.#blobs = tree.blobs;
    this.#index = tree.index;
  }

  static async open(
    backend: DirectoryBackend,
    options: DirectoryOptions,
    tree: { root: BytePath; blobs: LayerBlobs },
  ): Promise<DirectoryRootFs> {
    const index = await indexTree(backend, options.pool, tree.root);
    return new DirectoryRootFs(backend, options, { ...tree, index });
  }

  get canMount(): boolean {
    return this.#options.commands.canMount;
  }

  get containerPlaces(): readonly BytePath[] {
    return this.#options.commands.containerPlaces;
  }

  noteRestored(paths: readonly BytePath[]): void {
    for (const path of paths) this.#restored.add(path);
  }

  async exec(spec: ExecSpec, io: ExecIo): Promise<ExecResult> {
    outlastInodes(this.#options.record);
    const { result, restored } = await this.#options.commands.run(this.path, spec, io);
    this.noteRestored(restored);
    return result;
  }

  async checkpoint(): Promise<{ layer: Promise<PackedLayer> }> {
    const { pool, packer } = this.#options;
    if (this.#index === undefined) throw new Error("Unreachable: a checkpoint in a rootfs without layers");
    const after = this.#backend.newPath("index");
    const candidates = this.#backend.newPath("candidates");
    const found = await pool.run("scanLayer", { root: this.path, before: this.#index, after, candidates });
    files.unlinkAt(files.AT_FDCWD, this.#index);
    this.#index = after;
    const suspects = found.suspects.filter((path) => !this.#restored.has(path));
    this.#restored.clear();
    const changedSuspects = suspects.length === 0 ? [] : await this.#decide(suspects);
    const spool = this.#backend.newPath("spool");
    const entries = await pool.run("spoolLayer", {
      root: this.path,
      candidates,
      links: found.links,
      changedSuspects,
      output: spool,
      ignorePaths: packer.options.ignorePaths,
      ...(packer.options.latestSec === undefined ? {} : { latestSec: packer.options.latestSec }),
    });
    files.unlinkAt(files.AT_FDCWD, candidates);
    const layer = packer.pack({ kind: "tar", path: spool, entries })
      .finally(() => files.unlinkAt(files.AT_FDCWD, spool));
    this.#addBlob(layer);
    return { layer };
  }

  async stack(tree: BytePath, layer?: Promise<PackedLayer>): Promise<void> {
    await this.#options.pool.run("copyTree", { from: tree, to: this.path, over: true });
    if (this.#index === undefined) return;
    files.unlinkAt(files.AT_FDCWD, this.#index);
    this.#index = await indexTree(this.#backend, this.#options.pool, this.path);
    if (layer !== undefined) this.#addBlob(layer);
  }

  finish(): Promise<Snapshot> {
    if (this.#index !== undefined) files.unlinkAt(files.AT_FDCWD, this.#index);
    return Promise.resolve(new DirectorySnapshot(this.path, this.#blobs));
  }

  [Symbol.asyncDispose](): Promise<void> {
    removeTree(files.AT_FDCWD, this.path);
    return Promise.resolve();
  }

  #addBlob(layer: Promise<PackedLayer>): void {
    const blob = async (): Promise<LayerBlob> => {
      const packed = await layer;
      return { path: this.#options.store.pathOf(packed.digest), compression: packed.compression };
    };
    this.#blobs = [...this.#blobs, blob];
  }

  async #decide(suspects: readonly BytePath[]): Promise<readonly BytePath[]> {
    const layers = await Promise.all(this.#blobs.toReversed().map((blob) => blob()));
    return await this.#options.pool.run("findChangedContent", { root: this.path, suspects, layers });
  }
}

/** Writes the index of a tree, which later ones are compared with. */
async function indexTree(backend: DirectoryBackend, pool: WorkerPool<Jobs>, root: BytePath): Promise<BytePath> {
  const index = backend.newPath("index");
  const candidates = backend.newPath("candidates");
  await pool.run("scanLayer", { root, after: index, candidates });
  files.unlinkAt(files.AT_FDCWD, candidates);
  return index;
}
