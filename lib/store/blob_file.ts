/**
 * Blobs as files that may still be arriving.
 *
 * @module
 */
import type { Digest } from "../oci/digest.ts";
import type { Compression } from "../oci/media_type.ts";

/** A layer whose blob is, or is about to be, on disk. */
export interface LayerFile {
  readonly diffId: Digest;
  readonly compression: Compression;
  /** Opens the blob for unpacking; it may still be on its way (see `BlobFile`). */
  blob(): BlobFile;
}

/** A file that may still grow while it is read. A plain value but for its promise. */
export interface BlobFile {
  /** Where the bytes arrive; the file exists. */
  readonly path: string;
  /** Where the complete blob will be (or is). */
  readonly finalPath: string;
  /**
   * Two 64-bit words shared with the writer: bytes written so far, and 0 while it grows, 1 when complete, 2 when it
   * failed. Absent: complete.
   */
  readonly progress?: SharedArrayBuffer;
  /** Resolves when the blob is complete and verified, rejects if it cannot be had. */
  readonly complete: Promise<void>;
}
