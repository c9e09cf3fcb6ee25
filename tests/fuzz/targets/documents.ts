/**
 * Image configs, manifests and indexes. A config that is accepted is written as one that is accepted and the same.
 *
 * @module
 */
import assert from "node:assert/strict";
import { formatImageConfig, parseImageConfig } from "../../../lib/oci/config.ts";
import { parseManifest } from "../../../lib/oci/manifest.ts";
import type { FuzzTarget } from "../target.ts";

const DIGEST = `sha256:${"0123456789abcdef".repeat(4)}`;

const CONFIG = {
  created: "2024-01-01T00:00:00Z",
  architecture: "amd64",
  os: "linux",
  config: {
    User: "1:2",
    ExposedPorts: { "80/tcp": {} },
    Env: ["A=b"],
    Entrypoint: ["/x"],
    Cmd: null,
    Volumes: { "/v": {} },
    WorkingDir: "/",
    Labels: { k: "v" },
    StopSignal: "9",
    OnBuild: ["RUN x"],
    Healthcheck: { Test: ["CMD", "x"], Interval: 1000000000, Retries: 3 },
  },
  rootfs: { type: "layers", diff_ids: [DIGEST] },
  history: [{ created: "2024-01-01T00:00:00Z", created_by: "x", empty_layer: true }],
};

const DESCRIPTOR = { mediaType: "application/vnd.oci.image.layer.v1.tar+gzip", digest: DIGEST, size: 10 };
const MANIFEST = {
  schemaVersion: 2,
  mediaType: "application/vnd.oci.image.manifest.v1+json",
  config: { ...DESCRIPTOR, mediaType: "application/vnd.oci.image.config.v1+json" },
  layers: [DESCRIPTOR],
};
const INDEX = {
  schemaVersion: 2,
  mediaType: "application/vnd.oci.image.index.v1+json",
  manifests: [{
    ...DESCRIPTOR,
    platform: { os: "linux", architecture: "arm64", variant: "v8" },
    annotations: { a: "b" },
  }],
};

const WORDS = [
  "null",
  "[]",
  "{}",
  "[null]",
  '""',
  "1e999",
  "-0",
  "1.5",
  "__proto__",
  "constructor",
  '{"":',
  "\\ud800",
  DIGEST,
  "sha512:",
];

function seed(document: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(document));
}

/** Image configs. */
export const IMAGE_CONFIG: FuzzTarget = {
  name: "image_config",
  seeds: [seed(CONFIG), seed({ architecture: "amd64", os: "linux", rootfs: {} })],
  words: WORDS,
  run(input): string {
    const config = parseImageConfig(input, "the config");
    const written = formatImageConfig(config);
    assert.deepEqual(formatImageConfig(parseImageConfig(written, "the config that was written")), written);
    return Object.keys(config.config).join(" ");
  },
};

/** Manifests and indexes. */
export const MANIFESTS: FuzzTarget = {
  name: "manifests",
  seeds: [seed(MANIFEST), seed(INDEX), seed({ ...MANIFEST, mediaType: undefined }), seed({ ...INDEX, layers: [] })],
  words: [...WORDS, MANIFEST.mediaType, INDEX.mediaType],
  run(input): string {
    return parseManifest(input, MANIFEST.mediaType, "the manifest").kind;
  },
};
