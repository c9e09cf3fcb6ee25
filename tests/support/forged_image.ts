/**
 * Images no tool would make, put into a registry byte by byte: layers from `tar_forge.ts`, config and manifest as a
 * test wants them, lies about types, digests and sizes included.
 *
 * @module
 */
import { gzipSync } from "node:zlib";
import { hostArchitecture } from "./environment/layout_writer.ts";
import { digestOf, type FaultRegistry } from "./registry_fault.ts";

/** A layer: a tar and what is said about it. */
export interface ForgedLayer {
  readonly tar: Uint8Array;
  /** The blob; the tar in gzip unless told. */
  readonly blob?: Uint8Array;
  /** That of gzip unless told. */
  readonly mediaType?: string;
  /** In place of the right one. */
  readonly diffId?: string;
  /** In place of the right one. */
  readonly size?: number;
}

/** What a test may forge; what is not given is as it should be. */
export interface ForgedImage {
  readonly layers?: readonly (Uint8Array | ForgedLayer)[];
  /** The `config` object of the image config. */
  readonly config?: unknown;
  /** Fields of the image config, put over the right ones; undefined takes one away. */
  readonly image?: Readonly<Record<string, unknown>>;
  /** Changes the JSON of the image config. */
  readonly configText?: (text: string) => string;
  /** Fields of the manifest, put over the right ones. */
  readonly manifest?: Readonly<Record<string, unknown>>;
  /** Changes the JSON of the manifest. */
  readonly manifestText?: (text: string) => string;
}

/** Media types of what is forged. */
export const OCI = {
  manifest: "application/vnd.oci.image.manifest.v1+json",
  index: "application/vnd.oci.image.index.v1+json",
  config: "application/vnd.oci.image.config.v1+json",
  tar: "application/vnd.oci.image.layer.v1.tar",
  gzip: "application/vnd.oci.image.layer.v1.tar+gzip",
  zstd: "application/vnd.oci.image.layer.v1.tar+zstd",
} as const;

/** Puts an image into a registry as `NAME:latest` and returns its reference. */
export function addForgedImage(registry: FaultRegistry, name: string, image: ForgedImage = {}): string {
  return addManifest(registry, name, { bytes: forgeImage(image, (bytes) => registry.addBlob(name, bytes)) });
}

/** Puts a document into a registry as the manifest `NAME:latest`. */
export function addManifest(
  registry: FaultRegistry,
  name: string,
  manifest: { readonly bytes: Uint8Array; readonly type?: string },
): string {
  const stored = { type: manifest.type ?? OCI.manifest, bytes: manifest.bytes };
  registry.manifests.set(`${name}:latest`, stored);
  registry.manifests.set(`${name}@${digestOf(stored.bytes)}`, stored);
  return `${registry.host}/${name}:latest`;
}

/** Returns the manifest of an image, handing out every blob. */
export function forgeImage(
  image: ForgedImage,
  addBlob: (bytes: Uint8Array) => string,
): Uint8Array {
  const layers = (image.layers ?? []).map((layer) => forgeLayer(layer instanceof Uint8Array ? { tar: layer } : layer));
  const described = layers.map(({ blob, mediaType, size }) => ({
    mediaType,
    digest: addBlob(blob),
    size: size ?? blob.length,
  }));
  const config = encode(
    {
      architecture: hostArchitecture(),
      os: "linux",
      config: image.config ?? { Env: ["PATH=/bin"] },
      rootfs: { type: "layers", diff_ids: layers.map(({ diffId }) => diffId) },
      history: layers.map(() => ({ created_by: "forged" })),
      ...image.image,
    },
    image.configText,
  );
  return encode({
    schemaVersion: 2,
    mediaType: OCI.manifest,
    config: { mediaType: OCI.config, digest: addBlob(config), size: config.length },
    layers: described,
    ...image.manifest,
  }, image.manifestText);
}

function forgeLayer(layer: ForgedLayer): Required<Omit<ForgedLayer, "size">> & { readonly size: number | undefined } {
  return {
    tar: layer.tar,
    blob: layer.blob ?? new Uint8Array(gzipSync(layer.tar, { level: 1 })),
    mediaType: layer.mediaType ?? OCI.gzip,
    diffId: layer.diffId ?? digestOf(layer.tar),
    size: layer.size,
  };
}

function encode(value: unknown, change: (text: string) => string = (text) => text): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(change(JSON.stringify(value)));
}
