/**
 * Pushing blobs once, whoever asks and how often.
 *
 * Shared by all destinations of a build: a blob goes to a repository once, and to a second repository of the same
 * registry only after the first has it, so that it can be mounted from there. The first failure ends all pushes: the
 * build has failed.
 *
 * @module
 */
import type { Descriptor } from "../oci/descriptor.ts";
import { formatRepository, type Repository } from "../oci/reference.ts";
import type { PutOutcome, Registry } from "../registry/registry.ts";
import type { BlobSource } from "../store/blob.ts";

/** Pushes blobs of one build. */
export class BlobPusher {
  readonly #registry: Registry;
  readonly #failure = new AbortController();
  readonly #signal: AbortSignal;
  /** By repository and digest. */
  readonly #pushes = new Map<string, Promise<PutOutcome>>();
  /** By registry and digest: where the blob is, or will be. */
  readonly #places = new Map<string, Place[]>();

  constructor(registry: Registry, signal: AbortSignal) {
    this.#registry = registry;
    this.#signal = AbortSignal.any([signal, this.#failure.signal]);
  }

  /** Makes sure that a blob is in a repository. */
  push(repository: Repository, blob: Descriptor, source: BlobSource): Promise<PutOutcome> {
    const key = `${formatRepository(repository)}@${blob.digest}`;
    const known = this.#pushes.get(key);
    if (known !== undefined) return known;
    const places = this.#placesOf(repository, blob);
    const pushed = this.#put(repository, blob, { source, earlier: [...places] });
    this.#pushes.set(key, pushed);
    places.push({ repository, pushed });
    return pushed;
  }

  /** Sends a blob again that the registry has lost. */
  async pushAgain(repository: Repository, blob: Descriptor, source: BlobSource): Promise<void> {
    await this.#put(repository, blob, { source, earlier: [] });
  }

  async #put(
    repository: Repository,
    blob: Descriptor,
    { source, earlier }: { readonly source: BlobSource; readonly earlier: readonly Place[] },
  ): Promise<PutOutcome> {
    try {
      await Promise.all(earlier.map(({ pushed }) => pushed));
      const heldBy = [...earlier.map(({ repository }) => repository), ...source.heldBy ?? []];
      const held: BlobSource = { open: (offset) => source.open(offset), heldBy };
      return await this.#registry.putBlob(repository, blob, held, this.#signal);
    } catch (error) {
      this.#failure.abort(error);
      throw error;
    }
  }

  #placesOf({ registry }: Repository, { digest }: Descriptor): Place[] {
    const key = `${registry}@${digest}`;
    const places = this.#places.get(key) ?? [];
    this.#places.set(key, places);
    return places;
  }
}

interface Place {
  readonly repository: Repository;
  readonly pushed: Promise<PutOutcome>;
}
