/**
 * Layers in the making: tar, diff ID, compression and digest, all in Workers.
 *
 * @module
 */
import type { WorkerPool } from "../async/worker_pool.ts";
import type { BytePath } from "../io/byte_path.ts";
import type { Digest } from "../oci/digest.ts";
import type { Compression } from "../oci/media_type.ts";
import type { BlobDirectory } from "../store/blob_directory.ts";
import type { Jobs } from "../worker.ts";
import type { GuardedSecret } from "./secret_guard.ts";

/** A layer in the store. */
export interface PackedLayer {
  readonly diffId: Digest;
  /** Of the compressed blob. */
  readonly digest: Digest;
  /** Bytes of the compressed blob. */
  readonly size: number;
  readonly compression: Compression;
  /** Entries in the tar, whiteouts included. */
  readonly entries: number;
}

/** How layers are written; the same for all of a build. */
export interface PackOptions {
  readonly compression: Exclude<Compression, "none">;
  /** As the compression has it; undefined: its default. */
  readonly level?: number;
  /** SOURCE_DATE_EPOCH: later times are written as this one. Seconds since the epoch. */
  readonly latestSec?: number;
  /** Absolute paths, with wildcards, of which no change gets into a layer. */
  readonly ignorePaths: readonly BytePath[];
}

/** What a packer leans on. */
export interface PackerParts {
  readonly pool: WorkerPool<Jobs>;
  readonly store: BlobDirectory;
  /** Returns what must not get into a layer. */
  secrets(): Promise<readonly GuardedSecret[]>;
}

/** Where a layer's content comes from. The files named must not change until the layer is packed. */
export type LayerSource =
  /** An overlay's upper directory against the layer directories below it, lowest first. */
  | { readonly kind: "overlay"; readonly upper: BytePath; readonly below: readonly BytePath[] }
  /** A finished tar. */
  | { readonly kind: "tar"; readonly path: BytePath; readonly entries: number };

/** Packs layers. */
export class LayerPacker {
  readonly #parts: PackerParts;
  readonly #options: PackOptions;

  constructor(parts: PackerParts, options: PackOptions) {
    this.#parts = parts;
    this.#options = options;
  }

  get options(): PackOptions {
    return this.#options;
  }

  /** Packs one layer and puts its blob into the store. @throws {KilnError} kind `denied`, if a secret is in it */
  async pack(source: LayerSource): Promise<PackedLayer> {
    const { pool, store } = this.#parts;
    const output = store.temporaryPath();
    const secrets = await this.#parts.secrets();
    const packed = await pool.run("packLayer", { source, output, options: this.#options, secrets });
    await store.adopt(output, packed.digest);
    return packed;
  }
}
