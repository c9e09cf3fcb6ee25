/**
 * Image manifests and indexes.
 *
 * Sources: https://github.com/opencontainers/image-spec/blob/main/manifest.md and image-index.md.
 *
 * @module
 */
import { KilnError } from "../errors.ts";
import { type Descriptor, DESCRIPTOR_SHAPE, parseDescriptor } from "./descriptor.ts";
import { asArray, asObject, optionalRecord, optionalString } from "./json.ts";
import { familyOfManifest, isConfigType, isIndexType } from "./media_type.ts";
import { parseStrictJson, type Shape } from "./strict_json.ts";

/** The manifest of one image for one platform. Field names are the spec's. */
export interface ImageManifest {
  readonly schemaVersion: 2;
  readonly mediaType: string;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  readonly annotations?: Readonly<Record<string, string>>;
}

/** A list of manifests, usually one per platform. Field names are the spec's. */
export interface ImageIndex {
  readonly schemaVersion: 2;
  readonly mediaType: string;
  readonly manifests: readonly Descriptor[];
  readonly annotations?: Readonly<Record<string, string>>;
}

/** What a reference can resolve to. */
export type ManifestDocument =
  | { readonly kind: "manifest"; readonly manifest: ImageManifest }
  | { readonly kind: "index"; readonly index: ImageIndex };

/** The fields of manifests and indexes together: whichever of the two it is, readers must agree. */
const MANIFEST_SHAPE: Shape = {
  schemaVersion: {},
  mediaType: "open",
  artifactType: "open",
  config: DESCRIPTOR_SHAPE,
  layers: DESCRIPTOR_SHAPE,
  manifests: DESCRIPTOR_SHAPE,
  subject: DESCRIPTOR_SHAPE,
  annotations: "map",
};

/** Docker can hold 125 layers, overlayfs 500; a manifest of 4 MiB could name 25,000. */
const MAX_LAYERS = 500;

/**
 * Parses the bytes a registry or layout returned under `mediaType`.
 *
 * @throws {KilnError} kind `integrity`, if the document is malformed, contradicts its media type, is not of
 *   a container image, or could be read in two ways: keys given twice (`parseStrictJson`), layers and manifests both
 *   (CVE-2021-41190).
 */
export function parseManifest(bytes: Uint8Array, mediaType: string, what: string): ManifestDocument {
  const document = parseArtifact(bytes, mediaType, what);
  if (document.kind === "manifest") checkConfigType(document.manifest, what);
  return document;
}

/** Checks that a manifest is that of an image, and not of a chart or an attestation. @throws {KilnError} `integrity` */
export function checkConfigType({ config }: ImageManifest, what: string): void {
  if (isConfigType(config.mediaType)) return;
  const found = `its config is of the type ${JSON.stringify(config.mediaType)}, not that of a container image`;
  throw new KilnError("integrity", `Cannot read ${what}: ${found}`);
}

/** As `parseManifest`, also for manifests of other artifacts than images. */
export function parseArtifact(bytes: Uint8Array, mediaType: string, what: string): ManifestDocument {
  const fields = asObject(parseStrictJson(bytes, { what, shape: MANIFEST_SHAPE }), what);
  const fail = (why: string) => new KilnError("integrity", `Cannot read ${what}: ${why}`);
  const named = optionalString(fields, "mediaType", what);
  const type = named === undefined || named === "" ? mediaType : named;
  if (type !== mediaType) throw fail(`it says it is ${type}, but was served as ${mediaType}`);
  if (fields["schemaVersion"] === 1) throw fail("it has schema version 1, which is no longer supported");
  if (fields["schemaVersion"] !== 2) throw fail("its schemaVersion is not 2");
  const annotations = optionalRecord(fields, "annotations", what);
  const common = { schemaVersion: 2 as const, mediaType: type, ...(annotations === undefined ? {} : { annotations }) };
  if (isIndexType(type)) {
    if (fields["layers"] !== undefined || fields["config"] !== undefined) throw fail("it is an index with layers");
    const manifests = asArray(fields["manifests"], `the manifests of ${what}`)
      .map((entry, at) => parseDescriptor(entry, `entry ${at} of ${what}`));
    return { kind: "index", index: { ...common, manifests } };
  }
  if (familyOfManifest(type) === undefined) throw fail(`${type} is not the type of an image`);
  if (fields["manifests"] !== undefined) throw fail("it is a manifest with manifests");
  const config = parseDescriptor(fields["config"], `the config of ${what}`);
  const listed = asArray(fields["layers"], `the layers of ${what}`);
  if (listed.length > MAX_LAYERS) throw fail(`it has ${listed.length} layers, more than ${MAX_LAYERS}`);
  const layers = listed.map((entry, at) => parseDescriptor(entry, `layer ${at} of ${what}`));
  return { kind: "manifest", manifest: { ...common, config, layers } };
}
