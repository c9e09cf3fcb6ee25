/**
 * Fetching blobs of images into the store: each once per build, only when somebody needs its bytes, and readable while
 * it arrives.
 *
 * @module
 */
import type { Semaphore } from "../async/semaphore.ts";
import { explainWriteError } from "./explain_write_error.ts";
import { FileProgress } from "../io/follow_file.ts";
import { releaseWhole } from "../io/release_buffer.ts";
import { writeAll } from "../io/write_all.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { Repository } from "../oci/reference.ts";
import type { Registry } from "../registry/registry.ts";
import type { BlobFile } from "../store/blob_file.ts";
import { type BlobDirectory, readFile } from "../store/blob_directory.ts";
import type { BlobSource } from "../store/blob.ts";

/** What fetching takes. */
export interface FetcherOptions {
  readonly registry: Pick<Registry, "blob">;
  readonly store: BlobDirectory;
  /** How many blobs are downloaded at the same time. */
  readonly downloads: Semaphore;
  readonly signal: AbortSignal;
}

/** Fetches blobs from registries into the store. */
export class BlobFetcher {
  readonly #options: FetcherOptions;
  readonly #files = new Map<string, BlobFile>();

  constructor(options: FetcherOptions) {
    this.#options = options;
  }

  /** Starts fetching a blob, unless it was started before, and says where it arrives. */
  fetch(repository: Repository, blob: Descriptor): BlobFile {
    const known = this.#files.get(blob.digest);
    if (known !== undefined) return known;
    const { store } = this.#options;
    const path = store.temporaryPath();
    Deno.writeFileSync(path, new Uint8Array(), { createNew: true, mode: 0o644 });
    const progress = new FileProgress();
    const complete = this.#download(repository, blob, path, progress);
    // Whoever waits for it hears of a failure; a blob nobody waits for any more must not end the process.
    complete.catch(() => {});
    const file = { path, finalPath: store.pathOf(blob.digest), progress: progress.shared, complete };
    this.#files.set(blob.digest, file);
    return file;
  }

  /** Returns a source whose bytes are fetched when they are first asked for. */
  source(repository: Repository, blob: Descriptor): BlobSource {
    const fetch = () => this.fetch(repository, blob);
    return {
      heldBy: [repository],
      async *open(offset = 0): AsyncGenerator<Uint8Array> {
        const file = fetch();
        await file.complete;
        yield* readFile(file.finalPath, offset);
      },
    };
  }

  async #download(repository: Repository, blob: Descriptor, path: string, progress: FileProgress): Promise<void> {
    const { registry, store, downloads, signal } = this.#options;
    try {
      using _permit = await downloads.acquire(signal);
      using file = await Deno.open(path, { write: true });
      let written = 0;
      for await (const chunk of registry.blob(repository, blob, signal)) {
        await writeAll(file, chunk);
        written += chunk.length;
        progress.written(written);
        releaseWhole(chunk);
      }
      await store.adopt(path, blob.digest);
      progress.end("complete");
    } catch (error) {
      progress.end("failed");
      throw explainWriteError(error, "store a layer of the base image");
    }
  }
}
