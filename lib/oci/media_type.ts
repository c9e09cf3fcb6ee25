/**
 * Media types of manifests, configs and layers, in the two families images come in.
 *
 * Sources: https://github.com/opencontainers/image-spec/blob/main/media-types.md and
 * https://distribution.github.io/distribution/spec/manifest-v2-2/. The families are never mixed in one manifest.
 *
 * @module
 */

/** The two families of media types. */
export type Family = "oci" | "docker";

/** How a layer's tar is compressed. */
export type Compression = "none" | "gzip" | "zstd";

/** The media types of one family. */
export interface MediaTypes {
  readonly index: string;
  readonly manifest: string;
  readonly config: string;
  readonly layer: Readonly<Record<Compression, string>>;
}

/** The media types of both families. */
export const MEDIA_TYPES: Readonly<Record<Family, MediaTypes>> = {
  oci: {
    index: "application/vnd.oci.image.index.v1+json",
    manifest: "application/vnd.oci.image.manifest.v1+json",
    config: "application/vnd.oci.image.config.v1+json",
    layer: {
      none: "application/vnd.oci.image.layer.v1.tar",
      gzip: "application/vnd.oci.image.layer.v1.tar+gzip",
      zstd: "application/vnd.oci.image.layer.v1.tar+zstd",
    },
  },
  docker: {
    index: "application/vnd.docker.distribution.manifest.list.v2+json",
    manifest: "application/vnd.docker.distribution.manifest.v2+json",
    config: "application/vnd.docker.container.image.v1+json",
    layer: {
      none: "application/vnd.docker.image.rootfs.diff.tar",
      gzip: "application/vnd.docker.image.rootfs.diff.tar.gzip",
      zstd: "application/vnd.docker.image.rootfs.diff.tar.zstd",
    },
  },
};

/** Every media type under which a registry may answer with a manifest or an index we can use. */
export const MANIFEST_ACCEPT: readonly string[] = [
  MEDIA_TYPES.oci.manifest,
  MEDIA_TYPES.docker.manifest,
  MEDIA_TYPES.oci.index,
  MEDIA_TYPES.docker.index,
];

/** Tells whether a media type is that of an index (Docker calls it a manifest list). */
export function isIndexType(mediaType: string): boolean {
  return mediaType === MEDIA_TYPES.oci.index || mediaType === MEDIA_TYPES.docker.index;
}

/** Returns the family a manifest's media type belongs to, or undefined for a type that is no image manifest. */
export function familyOfManifest(mediaType: string): Family | undefined {
  if (mediaType === MEDIA_TYPES.oci.manifest) return "oci";
  return mediaType === MEDIA_TYPES.docker.manifest ? "docker" : undefined;
}

/** What old clients called the config of an image, as Docker still takes it (moby issues 22378 and 30083). */
const LOOSE_CONFIG_TYPES: readonly string[] = ["application/octet-stream", "application/json"];

/** Tells whether a config of this media type is that of a container image and not of a chart or an attestation. */
export function isConfigType(mediaType: string): boolean {
  return mediaType === MEDIA_TYPES.oci.config || mediaType === MEDIA_TYPES.docker.config ||
    LOOSE_CONFIG_TYPES.includes(mediaType);
}

const LAYER_TYPES: ReadonlyMap<string, Compression> = new Map([
  ...(["none", "gzip", "zstd"] as const).flatMap((compression) => [
    [MEDIA_TYPES.oci.layer[compression], compression] as const,
    [MEDIA_TYPES.docker.layer[compression], compression] as const,
  ]),
  // Layers that must not be pushed to other registries; read like any other.
  ["application/vnd.oci.image.layer.nondistributable.v1.tar", "none"],
  ["application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", "gzip"],
  ["application/vnd.oci.image.layer.nondistributable.v1.tar+zstd", "zstd"],
  ["application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", "gzip"],
]);

/** Returns how a layer of this media type is compressed, or undefined if it is not the type of a layer. */
export function compressionOfLayer(mediaType: string): Compression | undefined {
  return LAYER_TYPES.get(mediaType);
}

/** Returns the media type of the same kind of layer in another family. */
export function layerTypeIn(family: Family, mediaType: string): string | undefined {
  const compression = compressionOfLayer(mediaType);
  return compression === undefined ? undefined : MEDIA_TYPES[family].layer[compression];
}
