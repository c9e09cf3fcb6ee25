/**
 * Reading blobs of an image for an output, with their sizes checked.
 *
 * @module
 */
import { KilnError } from "../errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { BlobSource } from "../store/blob.ts";

/** Streams a blob; throws if it has not the size its descriptor says, at the latest when it ends. */
export async function* readBlob(blob: Descriptor, source: BlobSource): AsyncGenerator<Uint8Array> {
  let read = 0;
  for await (const chunk of source.open()) {
    read += chunk.length;
    if (read > blob.size) break;
    yield chunk;
  }
  if (read === blob.size) return;
  const state = `it has ${read > blob.size ? "more" : "less"} than its ${blob.size} bytes`;
  throw new KilnError("integrity", `Cannot write the blob ${blob.digest}: ${state}`);
}
