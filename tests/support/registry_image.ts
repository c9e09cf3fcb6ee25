/**
 * Small but real images: layers that are gzipped tars, a config that fits them.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import type { Image, Layer } from "../../lib/image/image.ts";
import { formatImageConfig, type ImageConfig } from "../../lib/oci/config.ts";
import { digestOf, digestOfHex } from "../../lib/oci/digest.ts";
import type { ImageManifest } from "../../lib/oci/manifest.ts";
import { type Family, MEDIA_TYPES } from "../../lib/oci/media_type.ts";
import { TarWriter } from "../../lib/tar/writer.ts";
import { sourceOf } from "./registry_client.ts";

/** What the image is made of. */
export interface SampleOptions {
  readonly family?: Family;
  /** The content of the one file in each layer. */
  readonly files?: readonly Uint8Array[];
}

/** Makes an image. */
export function sampleImage(
  { family = "oci", files = [new TextEncoder().encode("hello")] }: SampleOptions = {},
): Image {
  const types = MEDIA_TYPES[family];
  const layers = files.map((content, at) => sampleLayer(content, { name: `file${at}`, family }));
  const config: ImageConfig = {
    architecture: "amd64",
    os: "linux",
    config: { Cmd: ["/file0"] },
    rootfs: { type: "layers", diff_ids: layers.map(({ diffId }) => diffId) },
    history: layers.map(() => ({ created_by: "COPY" })),
  };
  const configBytes = formatImageConfig(config);
  const manifest: ImageManifest = {
    schemaVersion: 2,
    mediaType: types.manifest,
    config: { mediaType: types.config, digest: digestOf(configBytes), size: configBytes.length },
    layers: layers.map(({ descriptor }) => descriptor),
  };
  const manifestBytes = new TextEncoder().encode(JSON.stringify(manifest));
  const descriptor = { mediaType: types.manifest, digest: digestOf(manifestBytes), size: manifestBytes.length };
  return { descriptor, manifestBytes, manifest, configBytes, config, layers };
}

/** Makes a layer with one file. */
export function sampleLayer(
  content: Uint8Array,
  { name, family }: { readonly name: string; readonly family: Family },
): Layer {
  const chunks: Uint8Array[] = [];
  const tar = new TarWriter((chunk) => void chunks.push(chunk.slice()));
  tar.header({
    name,
    type: "file",
    mode: 0o644,
    uid: 0,
    gid: 0,
    size: content.length,
    mtimeNs: 0n,
    linkName: "",
    devMajor: 0,
    devMinor: 0,
  });
  tar.body(content);
  tar.finish();
  const hash = createHash("sha256");
  for (const chunk of chunks) hash.update(chunk);
  const bytes = new Uint8Array(gzipSync(Buffer.concat(chunks), { level: 1 }));
  return {
    diffId: digestOfHex(hash.digest("hex")),
    descriptor: { mediaType: MEDIA_TYPES[family].layer.gzip, digest: digestOf(bytes), size: bytes.length },
    blob: sourceOf(bytes),
  };
}
