/**
 * The file system of a stage, whatever holds it: the contract between the build and its backends.
 *
 * A `Snapshot` is a finished, read-only tree that any number of stages may start from or copy from. A `RootFs` is the
 * one writable tree of a running stage. After each step `checkpoint` says what the step changed, as a layer that is
 * being packed; all backends give the same bytes for the same change.
 *
 * @module
 */
import type { ExecIo } from "../exec/launch.ts";
import type { ExecResult, ExecSpec } from "../exec/spec.ts";
import type { PackedLayer } from "../image/packer.ts";
import type { BytePath } from "../io/byte_path.ts";
import type { LayerFile } from "../store/blob_file.ts";
import type { Isolation } from "./isolation.ts";

/** A finished tree. */
export interface Snapshot {
  /** Returns a directory in which the tree can be read. Stays valid until the backend is closed. */
  view(): Promise<BytePath>;
}

/** The writable tree of a running stage. */
export interface RootFs extends AsyncDisposable {
  /** Directory in which the tree can be read and written between commands. */
  readonly path: BytePath;
  /** Whether commands can have mounts of their own. */
  readonly canMount: boolean;
  /** Paths, relative to the tree, at and below which commands see the container's own files instead of the tree's. */
  readonly containerPlaces: readonly BytePath[];
  /** Runs one command in the tree. */
  exec(spec: ExecSpec, io: ExecIo): Promise<ExecResult>;
  /** Says that these files were moved away and are back: that their ctime changed means nothing. */
  noteRestored(paths: readonly BytePath[]): void;
  /**
   * Finds what changed since the last checkpoint. Once this resolves the tree may change again; the layer inside is
   * packed meanwhile. Not for a rootfs that was opened `withoutLayers`.
   */
  checkpoint(): Promise<{ readonly layer: Promise<PackedLayer> }>;
  /**
   * Lays a tree that was made apart over this one (`COPY --link`): directories are merged and look like the tree's, what
   * else is in the way is replaced, no symlink is followed. Nothing may have changed since the last checkpoint.
   *
   * @param tree a directory that stays as it is until the backend is closed; its own mode and owner mean nothing.
   * @param layer the tree, packed; not for a rootfs that was opened `withoutLayers`.
   */
  stack(tree: BytePath, layer?: Promise<PackedLayer>): Promise<void>;
  /** Ends the stage: the tree as it is now, for others to use. The rootfs cannot be used any more. */
  finish(): Promise<Snapshot>;
}

/** How a stage is going to use its tree. */
export interface OpenOptions {
  /** Nobody else needs the snapshot, so the backend may give it away instead of copying. */
  readonly lastUse: boolean;
  /** Only the tree at the end is wanted, no layers: there will be no checkpoint, and nothing is indexed for one. */
  readonly withoutLayers?: true;
}

/** One way to hold file systems. */
export interface Backend extends AsyncDisposable {
  readonly name: Isolation;
  /** What a command gets, in words, for the report: `overlay, own namespaces`. */
  readonly description: string;
  /** The empty tree (`FROM scratch`). */
  empty(): Snapshot;
  /** Unpacks an image's layers, lowest first. Images with common lower layers share the work. */
  unpack(layers: readonly LayerFile[]): Promise<Snapshot>;
  /** Starts a stage. */
  open(snapshot: Snapshot, options: OpenOptions): Promise<RootFs>;
}
