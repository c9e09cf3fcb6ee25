/**
 * The overlay backend: every layer is a directory, a stage is a mounted stack of them.
 *
 * Nothing is copied when a stage starts from another one or from an image, what a step changed is its upper directory,
 * and that directory is simply kept as the next lower layer, so packing reads from it while the build goes on. Where the
 * kernel stacks no more directories (500; before Linux 6.5 some 220) all but the topmost are copied into one.
 *
 * @module
 */
import type { WorkerPool } from "../async/worker_pool.ts";
import { type ExecIo, launch } from "../exec/launch.ts";
import type { Abilities } from "../exec/abilities.ts";
import type { ExecResult, ExecSpec } from "../exec/spec.ts";
import type { LayerPacker, PackedLayer } from "../image/packer.ts";
import { type BytePath, bytePathOf } from "../io/byte_path.ts";
import type { ExpansionLimits } from "../io/expansion_limit.ts";
import { listDirectory } from "../sys/directory.ts";
import * as files from "../sys/file.ts";
import { unmount } from "../sys/mount.ts";
import { statusDiffers } from "../tree/metadata.ts";
import { Metadata } from "../tree/metadata_access.ts";
import type { LinkedCopy, LinkedFile } from "../tree/linked_copies.ts";
import { hasInodeRows, outlastInodes } from "../tree/side_record.ts";
import { copyRootMeta } from "../tree/settle_layer.ts";
import type { LayerFile } from "../store/blob_file.ts";
import type { Jobs } from "../worker.ts";
import { mountOverlay, TooManyLowers } from "./overlay_mount.ts";
import type { Backend, RootFs, Snapshot } from "./rootfs.ts";
import { unpackLayer } from "./unpack_layer.ts";

/** What the backend is made of. */
export interface OverlayOptions {
  /** An empty directory of this build, on a file system overlayfs can use as upper. */
  readonly directory: string;
  readonly pool: WorkerPool<Jobs>;
  readonly packer: LayerPacker;
  readonly abilities: Abilities;
  /** `userns` where the mounts are in a user namespace made for this build. */
  readonly isolation: "overlay" | "userns";
  /** The side record of the build. */
  readonly record: BytePath;
  /** How far a layer of a base image may expand; `DEFAULT_EXPANSION_LIMITS` unless told. */
  readonly expansion?: ExpansionLimits;
}

/** Holds stages as overlay mounts. */
export class OverlayBackend implements Backend {
  readonly name: "overlay" | "userns";
  readonly #options: OverlayOptions;
  readonly #directory: BytePath;
  /** Unpacked layers by the diff IDs of themselves and all below. */
  readonly #layers = new Map<string, Promise<BytePath>>();
  /** Copies of stacks of layers, by the directories of these. */
  readonly #flattened = new Map<string, Promise<BytePath>>();
  readonly #mounted = new Set<BytePath>();
  /** Files with several names, by the directories of layers. */
  readonly #links = new Map<BytePath, Promise<readonly LinkedFile[]>>();
  #next = 0;

  constructor(options: OverlayOptions) {
    this.name = options.isolation;
    this.#options = options;
    this.#directory = bytePathOf(options.directory);
  }

  get description(): string {
    const where = this.name === "userns" ? "overlay mounts in a user namespace" : "overlay mounts";
    return `${where}, own namespaces for every command`;
  }

  empty(): Snapshot {
    return new OverlaySnapshot(this, []);
  }

  async unpack(layers: readonly LayerFile[]): Promise<Snapshot> {
    let chain = "";
    const stack: Promise<BytePath>[] = [];
    for (const layer of layers) {
      chain += ` ${layer.diffId}`;
      const known = this.#layers.get(chain);
      const unpacked = known ?? this.#unpack(layer, [...stack]);
      if (known === undefined) this.#layers.set(chain, unpacked);
      stack.push(unpacked);
    }
    return new OverlaySnapshot(this, await allOf(stack));
  }

  open(snapshot: Snapshot): Promise<RootFs> {
    return OverlayRootFs.open(this, this.#options, layersOf(snapshot));
  }

  /** Makes a new directory in the build's own. */
  makeDirectory(prefix: string): BytePath {
    const path = `${this.#directory}/${prefix}${this.#next++}`;
    files.makeDirectory(files.AT_FDCWD, path, 0o755);
    return path;
  }

  /** Mounts a stack and remembers it, for the end. Of too many layers the lower ones are copied into one. */
  async mount(layers: readonly BytePath[], writable?: WritablePart): Promise<Mounted> {
    let lowers = layers;
    let many = lowers.length - 1;
    for (;;) {
      try {
        return this.#mount(lowers, writable);
      } catch (error) {
        if (!(error instanceof TooManyLowers)) throw error;
      }
      try {
        lowers = [await this.#flatten(lowers.slice(0, many)), ...lowers.slice(many)];
        many = lowers.length - 1;
      } catch (error) {
        if (!(error instanceof TooManyLowers)) throw error;
        many = Math.ceil(many / 2);
      }
    }
  }

  /** Finds the files with several names in a layer, once. */
  linksIn(layer: BytePath): Promise<readonly LinkedFile[]> {
    const links = this.#links.get(layer) ?? this.#options.pool.run("findLinks", { layer });
    this.#links.set(layer, links);
    return links;
  }

  /** Unmounts what `mount` mounted. */
  unmount(target: BytePath): void {
    unmount(target);
    this.#mounted.delete(target);
    files.removeDirectoryAt(files.AT_FDCWD, target);
  }

  [Symbol.asyncDispose](): Promise<void> {
    for (const target of [...this.#mounted].reverse()) this.unmount(target);
    return Promise.resolve();
  }

  #mount(lowers: readonly BytePath[], writable: WritablePart | undefined): Mounted {
    const target = this.makeDirectory("merged");
    const stack = { lowers: lowers.length === 0 ? [this.makeDirectory("empty")] : lowers };
    try {
      const { keepsLinks } = mountOverlay(writable === undefined ? stack : { ...stack, writable }, target);
      this.#mounted.add(target);
      return { lowers, target, keepsLinks };
    } catch (error) {
      files.removeDirectoryAt(files.AT_FDCWD, target);
      throw error;
    }
  }

  /** Copies what a stack of layers shows into one directory, once; whoever reads the layers themselves still can. */
  #flatten(layers: readonly BytePath[]): Promise<BytePath> {
    const key = layers.join(":");
    const copy = this.#flattened.get(key) ?? this.#copyStack(layers);
    this.#flattened.set(key, copy);
    return copy;
  }

  async #copyStack(layers: readonly BytePath[]): Promise<BytePath> {
    const { target } = this.#mount(layers, undefined);
    try {
      const to = this.makeDirectory("layer");
      await this.#options.pool.run("copyTree", { from: target, to });
      return to;
    } finally {
      this.unmount(target);
    }
  }

  /** Unpacks one layer beside the others; `below` may still be on their way. */
  async #unpack(layer: LayerFile, below: readonly Promise<BytePath>[]): Promise<BytePath> {
    const directory = this.makeDirectory("layer");
    const { pool, expansion } = this.#options;
    const form = below.length === 0 ? "applied" : "overlay";
    const findings = await unpackLayer(pool, layer, { directory, form, expansion });
    const lowers = await allOf(below);
    if (lowers.length === 0) return directory;
    const outcome = await pool.run("settleLayer", { layer: directory, below: lowers, findings });
    return outcome === "settled" ? directory : await this.#unpackMounted(layer, lowers);
  }

  /** Unpacks a layer that makes no sense alone onto the stack below it, as a running overlay would see it. */
  async #unpackMounted(layer: LayerFile, lowers: readonly BytePath[]): Promise<BytePath> {
    const writable = { upper: this.makeDirectory("layer"), work: this.makeDirectory("work") };
    using metadata = new Metadata(this.#options.record);
    files.withDirectory(writable.upper, (upper) => copyRootMeta(lowers.at(-1) ?? "", upper, metadata));
    const { target } = await this.mount(lowers, writable);
    try {
      const { pool, expansion } = this.#options;
      await unpackLayer(pool, layer, { directory: target, form: "applied", expansion });
    } finally {
      this.unmount(target);
    }
    return writable.upper;
  }
}

/** What makes a mount writable; see `OverlayStack`. */
interface WritablePart {
  readonly upper: BytePath;
  readonly work: BytePath;
}

interface Mounted {
  /** What was mounted, lowest first: no more than the kernel takes. */
  readonly lowers: readonly BytePath[];
  readonly target: BytePath;
  readonly keepsLinks: boolean;
}

class OverlaySnapshot implements Snapshot {
  readonly #backend: OverlayBackend;
  readonly layers: readonly BytePath[];
  #view: Promise<BytePath> | undefined;

  constructor(backend: OverlayBackend, layers: readonly BytePath[]) {
    this.#backend = backend;
    this.layers = layers;
  }

  view(): Promise<BytePath> {
    return this.#view ??= this.#show();
  }

  async #show(): Promise<BytePath> {
    // One layer alone needs no mount: the lowest one has no whiteouts.
    if (this.layers.length > 1) return (await this.#backend.mount(this.layers)).target;
    return this.layers[0] ?? this.#backend.makeDirectory("empty");
  }
}

function layersOf(snapshot: Snapshot): readonly BytePath[] {
  if (snapshot instanceof OverlaySnapshot) return snapshot.layers;
  throw new TypeError("The snapshot belongs to another backend");
}

/** One stage: a stack with a fresh upper directory for every step. */
class OverlayRootFs implements RootFs {
  readonly containerPlaces = [];
  readonly #backend: OverlayBackend;
  readonly #options: OverlayOptions;
  #layers: readonly BytePath[];
  #upper: BytePath = "";
  #work: BytePath = "";
  #mounted: Mounted | undefined;
  /** Files with several names that were copied to the upper directory for commands. */
  #copies: readonly LinkedCopy[] = [];

  private constructor(backend: OverlayBackend, options: OverlayOptions, layers: readonly BytePath[]) {
    this.#backend = backend;
    this.#options = options;
    this.#layers = layers;
  }

  static async open(
    backend: OverlayBackend,
    options: OverlayOptions,
    layers: readonly BytePath[],
  ): Promise<OverlayRootFs> {
    const rootfs = new OverlayRootFs(backend, options, layers);
    await rootfs.#mount();
    return rootfs;
  }

  get path(): BytePath {
    return this.#mounted?.target ?? "";
  }

  get canMount(): boolean {
    return this.#options.abilities.namespaces;
  }

  /** An upper directory has what was written, whatever its ctime. */
  noteRestored(): void {}

  async exec(spec: ExecSpec, io: ExecIo): Promise<ExecResult> {
    if (this.#mounted?.keepsLinks === false) await this.#copyLinks();
    outlastInodes(this.#options.record);
    return await launch(this.path, spec, io, this.#options.abilities);
  }

  async checkpoint(): Promise<{ layer: Promise<PackedLayer> }> {
    const below = this.#layers;
    const upper = this.#upper;
    await this.#seal();
    await this.#mount();
    // Last: nobody would hear of a layer that fails after the mount has.
    return { layer: this.#options.packer.pack({ kind: "overlay", upper, below }) };
  }

  async stack(tree: BytePath): Promise<void> {
    await this.#seal();
    const top = this.#layers.at(-1);
    // The root of an overlay looks like its topmost layer's.
    if (top !== undefined) this.#copyRoot(top, tree);
    this.#layers = [...this.#layers, tree];
    await this.#mount();
  }

  async finish(): Promise<Snapshot> {
    await this.#seal();
    return new OverlaySnapshot(this.#backend, this.#layers);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#unmount();
    return Promise.resolve();
  }

  async #mount(): Promise<void> {
    this.#upper = this.#backend.makeDirectory("upper");
    this.#work = this.#backend.makeDirectory("work");
    const top = this.#layers.at(-1);
    if (top !== undefined) this.#copyRoot(top, this.#upper);
    this.#mounted = await this.#backend.mount(this.#layers, { upper: this.#upper, work: this.#work });
    this.#layers = this.#mounted.lowers;
  }

  /** Before a command: overlayfs by itself would part the names of the files it changes. */
  async #copyLinks(): Promise<void> {
    const linked = (await allOf(this.#layers.map((layer) => this.#backend.linksIn(layer)))).flat();
    if (linked.length === 0) return;
    const copies = await this.#options.pool.run("copyLinks", { root: this.path, linked });
    this.#copies = [...this.#copies, ...copies];
  }

  #copyRoot(from: BytePath, to: BytePath): void {
    using metadata = new Metadata(this.#options.record);
    files.withDirectory(to, (root) => copyRootMeta(from, root, metadata));
  }

  /** Puts the upper directory on the stack. */
  async #seal(): Promise<void> {
    const { pool, record } = this.#options;
    const [upper, below] = [this.#upper, this.#layers];
    const keepsLinks = this.#mounted?.keepsLinks ?? false;
    this.#unmount();
    // The index has an entry for every file with several names that was written to.
    const index = `${this.#work}/index`;
    if (keepsLinks && hasEntries(index)) {
      await pool.run("restoreLinks", { upper, index, below });
    }
    if (this.#copies.length > 0) await pool.run("dropUnchangedCopies", { upper, below, copies: this.#copies });
    this.#copies = [];
    if (hasInodeRows(record)) await pool.run("adoptRecords", { upper, below });
    // A command that changed nothing leaves nothing to stack.
    if (hasEntries(upper) || !this.#hasRootOfTop(upper)) this.#layers = [...this.#layers, upper];
  }

  /** Whether the root directory is that of the top layer; no entry tells of a change of it alone. */
  #hasRootOfTop(upper: BytePath): boolean {
    const top = this.#layers.at(-1);
    if (top === undefined) return false;
    using metadata = new Metadata(this.#options.record);
    return !statusDiffers(metadata.statAt(files.AT_FDCWD, upper), metadata.statAt(files.AT_FDCWD, top));
  }

  #unmount(): void {
    const mounted = this.#mounted;
    this.#mounted = undefined;
    if (mounted !== undefined) this.#backend.unmount(mounted.target);
  }
}

function hasEntries(path: BytePath): boolean {
  return files.withDirectory(path, (fd) => listDirectory(fd).length > 0);
}

/** Waits for all, so that no rejection is left unheard, and throws the first failure. */
async function allOf<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(promises);
  return await Promise.all(promises);
}
