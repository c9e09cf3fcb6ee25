/**
 * Documents held in memory, as blobs.
 *
 * @module
 */
import type { BlobSource } from "../store/blob.ts";

/** Returns a source of bytes in memory. */
export function bytesSource(bytes: Uint8Array): BlobSource {
  return {
    async *open(offset = 0): AsyncGenerator<Uint8Array> {
      yield bytes.subarray(offset);
    },
  };
}
