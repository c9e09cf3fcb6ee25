/**
 * Images from registries: manifest and config at once, layers when somebody needs them.
 *
 * @module
 */
import { KilnError } from "../errors.ts";
import { checkLayerCount, type ImageConfig, parseImageConfig } from "../oci/config.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";
import { checkConfigType, type ImageManifest, parseArtifact } from "../oci/manifest.ts";
import { type Compression, compressionOfLayer, type Family, familyOfManifest } from "../oci/media_type.ts";
import { choosePlatform, formatPlatform, type Platform } from "../oci/platform.ts";
import { formatReference, type Reference, type Repository } from "../oci/reference.ts";
import type { Registry } from "../registry/registry.ts";
import type { BlobFile, LayerFile } from "../store/blob_file.ts";
import type { BlobSource } from "../store/blob.ts";
import type { BlobFetcher } from "./blob_fetcher.ts";

/** A layer of an image in a registry. */
export interface PulledLayer extends LayerFile {
  readonly descriptor: Descriptor;
  /** For pushing it on; fetches only when the bytes are really read. */
  readonly source: BlobSource;
}

/** An image in a registry. */
export interface PulledImage {
  readonly reference: Reference;
  /** Of the image's own manifest, not of the index it was found in. */
  readonly descriptor: Descriptor;
  readonly family: Family;
  readonly manifest: ImageManifest;
  readonly config: ImageConfig;
  readonly layers: readonly PulledLayer[];
}

/** The manifest of an image or artifact for one platform. */
export interface ResolvedManifest {
  /** Of the manifest itself, not of the index it was found in. */
  readonly descriptor: Descriptor;
  readonly manifest: ImageManifest;
}

/** What is asked of a registry. */
export type ImageRegistry = Pick<Registry, "manifest" | "blob">;

/** An index may point to an index; deeper than this nobody honest goes. */
const MAX_INDEX_DEPTH = 4;
/** As containerd: configs are documents, not blobs. */
const MAX_CONFIG_BYTES = 8 * 1024 * 1024;

/** Looks up images, each reference once per build, so that a tag that moves meanwhile cannot give two images. */
export class ImagePuller {
  readonly #registry: ImageRegistry;
  readonly #fetcher: BlobFetcher;
  readonly #signal: AbortSignal;
  readonly #pulls = new Map<string, Promise<PulledImage>>();

  constructor(options: { registry: ImageRegistry; fetcher: BlobFetcher; signal: AbortSignal }) {
    this.#registry = options.registry;
    this.#fetcher = options.fetcher;
    this.#signal = options.signal;
  }

  /**
   * Returns the image of a reference for a platform. An image that is not in an index is taken whatever its platform.
   *
   * @throws {KilnError} kind `registry`, `denied` or `integrity`
   */
  pull(reference: Reference, platform: Platform): Promise<PulledImage> {
    const key = `${formatReference(reference)} ${formatPlatform(platform)}`;
    const known = this.#pulls.get(key);
    if (known !== undefined) return known;
    const pulled = this.#pull(reference, platform);
    this.#pulls.set(key, pulled);
    return pulled;
  }

  /**
   * Returns the manifest of a reference for a platform, whatever kind of artifact it describes.
   *
   * @throws {KilnError} kind `registry`, `denied` or `integrity`
   */
  async resolve(reference: Reference, platform: Platform): Promise<ResolvedManifest> {
    const name = formatReference(reference);
    let served = await this.#registry.manifest(reference, this.#signal);
    for (let depth = 0; depth < MAX_INDEX_DEPTH; depth++) {
      const document = parseArtifact(served.bytes, served.descriptor.mediaType, `the manifest of ${name}`);
      if (document.kind === "manifest") return { descriptor: served.descriptor, manifest: document.manifest };
      const chosen = choosePlatform(platform, document.index.manifests);
      if (chosen === undefined) throw noPlatform(name, platform, document.index.manifests);
      served = await this.#registry.manifest({ ...withoutTag(reference), digest: chosen.digest }, this.#signal);
    }
    throw new KilnError("integrity", `Cannot use ${name}: its index is nested more than ${MAX_INDEX_DEPTH} deep`);
  }

  async #pull(reference: Reference, platform: Platform): Promise<PulledImage> {
    const { descriptor, manifest } = await this.resolve(reference, platform);
    const name = formatReference(reference);
    const family = familyOfManifest(manifest.mediaType);
    if (family === undefined) throw new Error("Unreachable: the manifest was parsed as one of an image");
    checkConfigType(manifest, `the manifest of ${name}`);
    const config = parseImageConfig(await this.#configBytes(reference, manifest.config), `the config of ${name}`);
    checkLayerCount(config, manifest.layers.length, name);
    const layers = manifest.layers.map((descriptor, at) => {
      const diffId = config.rootfs.diff_ids[at];
      if (diffId === undefined) throw new Error("Unreachable: layers and diff IDs were counted");
      return this.#layer(reference, descriptor, { diffId, name });
    });
    return { reference, descriptor, family, manifest, config, layers };
  }

  #layer(repository: Repository, descriptor: Descriptor, of: { diffId: Digest; name: string }): PulledLayer {
    const compression: Compression | undefined = compressionOfLayer(descriptor.mediaType);
    if (compression === undefined) {
      throw new KilnError("integrity", `Cannot use ${of.name}: its layer type "${descriptor.mediaType}" is unknown`);
    }
    const blob = (): BlobFile => this.#fetcher.fetch(repository, descriptor);
    return { diffId: of.diffId, compression, descriptor, blob, source: this.#fetcher.source(repository, descriptor) };
  }

  async #configBytes(repository: Repository, descriptor: Descriptor): Promise<Uint8Array> {
    if (descriptor.size > MAX_CONFIG_BYTES) {
      throw new KilnError("integrity", `Cannot read an image config of ${descriptor.size} bytes: it is too large`);
    }
    const bytes = new Uint8Array(descriptor.size);
    let used = 0;
    for await (const chunk of this.#registry.blob(repository, descriptor, this.#signal)) {
      bytes.set(chunk, used);
      used += chunk.length;
    }
    return bytes;
  }
}

function withoutTag(reference: Reference): Repository {
  return { registry: reference.registry, repository: reference.repository };
}

function noPlatform(name: string, platform: Platform, offered: readonly Descriptor[]): KilnError {
  const names = offered.flatMap((entry) =>
    entry.platform === undefined || entry.platform.os === "unknown" ? [] : [formatPlatform(entry.platform)]
  );
  return new KilnError("registry", `Cannot use ${name}: it is not available for ${formatPlatform(platform)}`, {
    hint: names.length === 0 ? "its index lists no platforms" : `it is available for ${names.join(", ")}`,
  });
}
