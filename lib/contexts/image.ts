/**
 * An image or an artifact as build context: an image is its file system, an artifact the one archive it holds.
 *
 * @module
 */
import { Semaphore } from "../async/semaphore.ts";
import { KilnError } from "../errors.ts";
import { BlobFetcher } from "../image/blob_fetcher.ts";
import { ImagePuller, type ImageRegistry, type PulledImage } from "../image/pull.ts";
import { isConfigType } from "../oci/media_type.ts";
import type { Platform } from "../oci/platform.ts";
import { formatReference, type Reference, type Repository } from "../oci/reference.ts";
import type { BlobDirectory } from "../store/blob_directory.ts";
import type { BlobFile } from "../store/blob_file.ts";
import type { ContextSource, FetchParts } from "./context_source.ts";
import { unpackArchive } from "./unpack_archive.ts";

/** What images are fetched with. */
export interface ImageParts {
  readonly registry: ImageRegistry;
  /** Where blobs are kept. */
  readonly store: BlobDirectory;
  /** The one that is taken where there are several. */
  readonly platform: Platform;
}

/** Blobs downloaded at the same time. */
const DOWNLOADS = 3;

/** Makes the source. */
export function createImageSource(reference: Reference, { registry, store, platform }: ImageParts): ContextSource {
  const name = formatReference(reference);
  return {
    description: `the image "${name}"`,
    async fetch(parts: FetchParts): Promise<void> {
      const { signal } = parts;
      const fetcher = new BlobFetcher({ registry, store, downloads: new Semaphore(DOWNLOADS), signal });
      const puller = new ImagePuller({ registry, fetcher, signal });
      const { descriptor, manifest } = await puller.resolve(reference, platform);
      const repository: Repository = { registry: reference.registry, repository: reference.repository };
      if (isConfigType(manifest.config.mediaType)) {
        // By digest, as a tag may have moved since.
        return await unpackImage(await puller.pull({ ...repository, digest: descriptor.digest }, platform), parts);
      }
      const [layer, ...others] = manifest.layers;
      if (layer === undefined || others.length > 0) throw notOneArchive(name, manifest.layers.length);
      const blob = fetcher.fetch(repository, layer);
      await both(blob, unpackArchive({ ...pathsOf(blob), what: `the archive in "${name}"` }, parts));
    },
  };
}

function notOneArchive(name: string, layers: number): KilnError {
  const found = `it is an artifact with ${layers} layers, not with one archive`;
  return new KilnError("context", `Cannot use "${name}" as build context: ${found}`);
}

/** Applies the layers one after the other, as what one removes must be there before. */
async function unpackImage({ layers }: PulledImage, { directory, limits, pool }: FetchParts): Promise<void> {
  const arriving = layers.map((layer) => ({ layer, blob: layer.blob() }));
  for (const { layer, blob } of arriving) {
    await both(
      blob,
      pool.run("extractLayer", {
        ...pathsOf(blob),
        compression: layer.compression,
        diffId: layer.diffId,
        directory,
        form: "applied",
        expansion: limits.expansion,
      }),
    );
  }
}

function pathsOf({ path, finalPath, progress }: BlobFile): Omit<BlobFile, "complete"> {
  return { path, finalPath, ...(progress === undefined ? {} : { progress }) };
}

/** When the download fails both fail, and what went wrong with the download is what the user needs to know. */
async function both(blob: BlobFile, unpacking: Promise<unknown>): Promise<void> {
  const [downloaded, unpacked] = await Promise.allSettled([blob.complete, unpacking]);
  if (downloaded.status === "rejected") throw downloaded.reason;
  if (unpacked.status === "rejected") throw unpacked.reason;
}
