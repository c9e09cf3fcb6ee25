/**
 * Images as values: what outputs write.
 *
 * @module
 */
import type { Descriptor } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";
import type { ImageConfig } from "../oci/config.ts";
import type { ImageManifest } from "../oci/manifest.ts";
import type { BlobSource } from "../store/blob.ts";

/** One layer: its blob and the digest of its tar. */
export interface Layer {
  readonly diffId: Digest;
  /** Of the blob, with the media type it has in the image. */
  readonly descriptor: Descriptor;
  readonly blob: BlobSource;
}

/** A complete image. */
export interface Image {
  /** Of the manifest. */
  readonly descriptor: Descriptor;
  /** The exact bytes the descriptor's digest covers. */
  readonly manifestBytes: Uint8Array<ArrayBuffer>;
  readonly manifest: ImageManifest;
  /** The exact bytes the manifest's config descriptor covers. */
  readonly configBytes: Uint8Array<ArrayBuffer>;
  readonly config: ImageConfig;
  /** Lowest first. */
  readonly layers: readonly Layer[];
}
