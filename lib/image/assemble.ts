/**
 * Putting an image together: config, history and manifest around the layers.
 *
 * @module
 */
import { KilnError } from "../errors.ts";
import { type ContainerConfig, formatImageConfig, type HistoryEntry, type ImageConfig } from "../oci/config.ts";
import { digestOf } from "../oci/digest.ts";
import type { ImageManifest } from "../oci/manifest.ts";
import { type Family, layerTypeIn, MEDIA_TYPES } from "../oci/media_type.ts";
import type { Platform } from "../oci/platform.ts";
import type { BlobDirectory } from "../store/blob_directory.ts";
import type { Image, Layer } from "./image.ts";
import type { PackedLayer } from "./packer.ts";
import type { PulledImage } from "./pull.ts";

/** A history entry this build adds; layer entries know when their layer was made. */
export interface NewHistory {
  /** Undefined for an instruction that makes no layer. */
  readonly layer: PackedLayer | undefined;
  /** Undefined for files that no instruction made. */
  readonly createdBy?: string;
  /** When the step ended. */
  readonly at: Date;
}

/** Everything an image is made of. */
export interface ImageParts {
  readonly base: PulledImage | undefined;
  readonly history: readonly NewHistory[];
  readonly config: ContainerConfig;
  readonly author?: string;
  readonly platform: Platform;
  readonly family: Family;
  readonly annotations: ReadonlyMap<string, string>;
  /** SOURCE_DATE_EPOCH: later times are written as this one. Seconds since the epoch. */
  readonly latestSec?: number;
  /** When the image counts as created, unless clamped. */
  readonly now: Date;
}

/** As BuildKit marks what it wrote. */
const COMMENT = "buildkit.dockerfile.v0";
/** As BuildKit marks base layers that the base's history does not account for. */
const UNKNOWN_LAYER_COMMENT = "buildkit.exporter.image.v0";

/**
 * Assembles an image.
 *
 * @throws {KilnError} kind `usage`, if a layer cannot be in an image of this family.
 */
export function assembleImage(parts: ImageParts, store: BlobDirectory): Image {
  const layers = [
    ...(parts.base?.layers ?? []).map((layer): Layer => ({
      diffId: layer.diffId,
      descriptor: { ...layer.descriptor, mediaType: typeOf(parts.family, layer.descriptor.mediaType) },
      blob: layer.source,
    })),
    ...parts.history.flatMap(({ layer }) => layer === undefined ? [] : [layerOf(layer, parts.family, store)]),
  ];
  const config = configOf(parts, layers);
  const configBytes = formatImageConfig(config);
  const types = MEDIA_TYPES[parts.family];
  const manifest: ImageManifest = {
    schemaVersion: 2,
    mediaType: types.manifest,
    config: { mediaType: types.config, digest: digestOf(configBytes), size: configBytes.length },
    layers: layers.map(({ descriptor }) => ({
      mediaType: descriptor.mediaType,
      digest: descriptor.digest,
      size: descriptor.size,
    })),
    ...(parts.annotations.size === 0 ? {} : { annotations: Object.fromEntries(parts.annotations) }),
  };
  const manifestBytes = new TextEncoder().encode(JSON.stringify(manifest, undefined, 2));
  const descriptor = {
    mediaType: types.manifest,
    digest: digestOf(manifestBytes),
    size: manifestBytes.length,
  };
  return { descriptor, manifestBytes, manifest, configBytes, config, layers };
}

/** Returns a new layer as it is in an image of that family. */
export function layerOf(layer: PackedLayer, family: Family, store: BlobDirectory): Layer {
  const mediaType = MEDIA_TYPES[family].layer[layer.compression];
  return {
    diffId: layer.diffId,
    descriptor: { mediaType, digest: layer.digest, size: layer.size },
    blob: store.source(layer.digest),
  };
}

function typeOf(family: Family, mediaType: string): string {
  const type = layerTypeIn(family, mediaType);
  if (type === undefined) throw new Error("Unreachable: the base's layer types were checked when it was pulled");
  if (family === "docker" && type === MEDIA_TYPES.docker.layer.zstd) {
    throw new KilnError("usage", "Cannot make an image of Docker's format: the base image has layers in zstd", {
      hint: "use --image-format=oci",
    });
  }
  return type;
}

function configOf(parts: ImageParts, layers: readonly Layer[]): ImageConfig {
  const { base, platform } = parts;
  const now = timestamp(parts.now, parts);
  const history = withTimes([...baseHistory(base), ...newHistory(parts)], now);
  const created = history.findLast((entry) => entry.created !== undefined)?.created ?? now;
  return {
    created,
    ...(parts.author === undefined ? {} : { author: parts.author }),
    architecture: platform.architecture,
    os: platform.os,
    ...(platform.variant === undefined ? {} : { variant: platform.variant }),
    ...osDetails(base, platform),
    config: parts.config,
    rootfs: { type: "layers", diff_ids: layers.map(({ diffId }) => diffId) },
    history,
  };
}

function osDetails(base: PulledImage | undefined, platform: Platform): Pick<ImageConfig, "os.version" | "os.features"> {
  const version = platform["os.version"] ?? base?.config["os.version"];
  const features = base?.config["os.features"];
  return {
    ...(version === undefined ? {} : { "os.version": version }),
    ...(features === undefined ? {} : { "os.features": features }),
  };
}

/** The base's history, verbatim where it accounts for the base's layers, completed where it does not. */
function baseHistory(base: PulledImage | undefined): HistoryEntry[] {
  if (base === undefined) return [];
  const entries = [...base.config.history];
  let missing = base.layers.length - entries.filter((entry) => entry.empty_layer !== true).length;
  for (; missing > 0; missing--) entries.push({ comment: UNKNOWN_LAYER_COMMENT });
  for (let at = entries.length - 1; missing < 0 && at >= 0; at--) {
    const entry = entries[at];
    if (entry === undefined || entry.empty_layer === true) continue;
    entries[at] = { ...entry, empty_layer: true };
    missing++;
  }
  return entries;
}

/** Entries that made no layer have no time yet; see {@link withTimes}. */
function newHistory(parts: ImageParts): HistoryEntry[] {
  return parts.history.map(({ layer, at, createdBy }) => ({
    ...(layer === undefined ? {} : { created: timestamp(at, parts) }),
    ...(createdBy === undefined ? { comment: UNKNOWN_LAYER_COMMENT } : { created_by: createdBy, comment: COMMENT }),
    ...(layer === undefined ? { empty_layer: true } : {}),
  }));
}

/**
 * Gives entries without a time one, as BuildKit does: the time of the first layer that follows one of them, then of
 * the layer before; of the last one of the base, where nothing follows. So an image that only changes its base's
 * settings does not change from build to build.
 */
function withTimes(history: readonly HistoryEntry[], now: string): HistoryEntry[] {
  const firstMissing = history.findIndex(({ created }) => created === undefined);
  if (firstMissing < 0) return [...history];
  let time = history.slice(firstMissing).find(({ created }) => created !== undefined)?.created ??
    history.findLast(({ created }) => created !== undefined)?.created ?? now;
  return history.map((entry, at) => {
    if (entry.created === undefined) return { ...entry, created: time };
    if (at > firstMissing) time = entry.created;
    return entry;
  });
}

/** RFC 3339, clamped; without zeros at the end of the fraction, as other builders write it. */
function timestamp(time: Date, parts: ImageParts): string {
  const latest = parts.latestSec === undefined ? undefined : parts.latestSec * 1000;
  const clamped = new Date(latest === undefined ? time.getTime() : Math.min(time.getTime(), latest));
  return clamped.toISOString().replace(/\.?0+Z$/, "Z");
}
