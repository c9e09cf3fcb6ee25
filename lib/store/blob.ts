/**
 * Blobs: content that is known by its digest, wherever it is kept.
 *
 * @module
 */
import type { Repository } from "../oci/reference.ts";

/** Where the bytes of a blob can be had, as often as needed. */
export interface BlobSource {
  /** Streams the bytes from `offset` (default 0) to the end. */
  open(offset?: number): AsyncIterable<Uint8Array>;
  /** Repositories known to hold the blob: a push to the same registry can mount it from there. */
  readonly heldBy?: readonly Repository[];
}
