/**
 * A registry in memory that has images without layers, and remembers which were asked for.
 *
 * @module
 */
import { Semaphore } from "../../lib/async/semaphore.ts";
import { KilnError } from "../../lib/errors.ts";
import { BlobFetcher } from "../../lib/image/blob_fetcher.ts";
import { ImagePuller } from "../../lib/image/pull.ts";
import type { ContainerConfig } from "../../lib/oci/config.ts";
import { digestOf } from "../../lib/oci/digest.ts";
import { MEDIA_TYPES } from "../../lib/oci/media_type.ts";
import type { Registry } from "../../lib/registry/registry.ts";
import { BlobDirectory } from "../../lib/store/blob_directory.ts";

/** Images by the last part of their repository's name, and a puller that only knows those. */
export interface ImageShelf {
  readonly puller: ImagePuller;
  /** Names in the order they were asked for. */
  readonly asked: readonly string[];
}

/** How the shelf is. */
export interface ShelfOptions {
  /** Answers as a registry that cannot be reached. */
  readonly offline?: true;
}

/** Fills a shelf. An image may have a platform among its fields; else it is for linux/amd64. */
export function shelve(images: Readonly<Record<string, ContainerConfig>>, options: ShelfOptions = {}): ImageShelf {
  const asked: string[] = [];
  const blobs = new Map<string, Uint8Array>();
  const manifests = new Map(
    Object.entries(images).map(([name, config]) => {
      const bytes = encode({
        architecture: "amd64",
        os: "linux",
        config,
        rootfs: { type: "layers", diff_ids: [] },
        history: [],
      });
      blobs.set(digestOf(bytes), bytes);
      const type = MEDIA_TYPES.oci;
      const descriptor = { mediaType: type.config, digest: digestOf(bytes), size: bytes.length };
      return [name, encode({ schemaVersion: 2, mediaType: type.manifest, config: descriptor, layers: [] })] as const;
    }),
  );
  const registry: Pick<Registry, "manifest" | "blob"> = {
    manifest: ({ repository }) => {
      const name = repository.split("/").at(-1) ?? "";
      asked.push(name);
      if (options.offline) {
        const cause = new Error("unreachable");
        return Promise.reject(new KilnError("registry", `Cannot fetch ${name}: no network`, { cause }));
      }
      const bytes = manifests.get(name);
      if (bytes === undefined) {
        return Promise.reject(new KilnError("registry", `Cannot find ${name}: not on the shelf`));
      }
      const descriptor = { mediaType: MEDIA_TYPES.oci.manifest, digest: digestOf(bytes), size: bytes.length };
      return Promise.resolve({ descriptor, bytes });
    },
    async *blob(_repository, { digest }): AsyncGenerator<Uint8Array> {
      yield await Promise.resolve(blobs.get(digest) ?? new Uint8Array());
    },
  };
  const { signal } = new AbortController();
  const fetcher = new BlobFetcher({
    // Nothing is fetched: no image has a layer.
    registry: registry as Registry,
    store: new BlobDirectory("/nowhere"),
    downloads: new Semaphore(1),
    signal,
  });
  return { asked, puller: new ImagePuller({ registry, fetcher, signal }) };
}

function encode(document: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(document));
}
