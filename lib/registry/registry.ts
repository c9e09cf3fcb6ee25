/**
 * What the rest of Kiln asks of a registry. `client.ts` speaks the OCI distribution API behind it.
 *
 * Every call retries transport faults and temporary answers by itself, and throws a `KilnError`: kind `registry` when
 * the registry cannot be reached or keeps failing, `denied` when it refuses our credentials, `integrity` when what
 * it serves is not what was asked for.
 *
 * @module
 */
import type { Descriptor } from "../oci/descriptor.ts";
import type { Reference, Repository } from "../oci/reference.ts";
import type { BlobSource } from "../store/blob.ts";

/** A manifest or index as served: its bytes are what the digest covers. */
export interface ServedManifest {
  /** `mediaType` as served, digest and size of `bytes`. */
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
}

/** How a blob came to be in the repository. */
export type PutOutcome = "present" | "mounted" | "uploaded";

/** A registry, or rather all of them: the host is part of each reference. */
export interface Registry {
  /** Fetches a manifest or index by tag or digest; the digest is verified when the reference has one. */
  manifest(reference: Reference, signal: AbortSignal): Promise<ServedManifest>;
  /**
   * Streams a blob. A broken connection is resumed where it broke; the stream ends normally only if size and digest
   * are those of the descriptor.
   */
  blob(repository: Repository, blob: Descriptor, signal: AbortSignal): AsyncIterable<Uint8Array>;
  /** Makes sure the blob is in the repository: asks for it, mounts it from another repository, or uploads it. */
  putBlob(repository: Repository, blob: Descriptor, source: BlobSource, signal: AbortSignal): Promise<PutOutcome>;
  /**
   * Stores a manifest under the reference's tag, or under its digest when it has no tag. If the registry misses blobs
   * of it, the error is a `BlobsUnknownError`: its `unknownBlobs` are worth another `putBlob`, which will really send
   * them, and the manifest another try.
   */
  putManifest(reference: Reference, mediaType: string, bytes: Uint8Array, signal: AbortSignal): Promise<Descriptor>;
  /** Opens an upload session and cancels it, to learn before a long build that the push will be allowed. */
  checkPush(repository: Repository, signal: AbortSignal): Promise<void>;
  /** Closes idle connections. */
  close(): void;
}
