/**
 * An OCI image layout on disk, read as if it were a registry.
 *
 * Source: https://github.com/opencontainers/image-spec/blob/main/image-layout.md. Nothing in it is believed: documents
 * and blobs must have the digests by which they are named.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { join } from "node:path/posix";
import { KilnError } from "../errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { type Digest, digestOf, digestOfHex, hexOf } from "../oci/digest.ts";
import { asArray, optionalString, parseJsonObject } from "../oci/json.ts";
import { type ImageIndex, parseManifest } from "../oci/manifest.ts";
import { MEDIA_TYPES } from "../oci/media_type.ts";
import type { Reference, Repository } from "../oci/reference.ts";
import type { ServedManifest } from "../registry/registry.ts";
import { readFile } from "../store/blob_directory.ts";
import type { ImageRegistry } from "./pull.ts";

/** The annotation of the index that holds the tag of an image. */
const REF_NAME = "org.opencontainers.image.ref.name";

/** As registries limit manifests. */
const MAX_DOCUMENT_BYTES = 4 * 1024 * 1024;

/** Which image of a layout is meant. */
export interface LayoutImage {
  readonly tag?: string;
  readonly digest?: Digest;
}

/** Returns the reference that stands for an image of a layout; only its `layoutRegistry` understands it. */
export function layoutReference(path: string, image: LayoutImage): Reference {
  return { registry: LAYOUT, repository: path, ...image };
}

/** No registry can have this name. */
const LAYOUT = "oci-layout:/";

/** Tells whether a reference was made by `layoutReference`. */
export function isLayout({ registry }: Repository): boolean {
  return registry === LAYOUT;
}

/** Opens the layout in a directory; nothing is read yet. */
export function layoutRegistry(path: string): ImageRegistry {
  return {
    manifest: async (reference: Reference): Promise<ServedManifest> => {
      if (reference.digest !== undefined) return serve(await readDocument(path, blobPath(reference.digest)), reference);
      const bytes = await readDocument(path, "index.json");
      const type = MEDIA_TYPES.oci.index;
      const document = parseManifest(bytes, type, `the index of the OCI layout "${path}"`);
      if (document.kind === "manifest") throw new Error("Unreachable: an index was parsed");
      const chosen = choose(document.index, reference.tag, path);
      if (chosen === undefined) return serve(bytes, {});
      return serve(await readDocument(path, blobPath(chosen.digest)), chosen);
    },
    blob: (_repository: Repository, blob: Descriptor): AsyncIterable<Uint8Array> => verifiedBlob(path, blob),
  };
}

/** Returns the entry that is meant; undefined for the whole index, whose entries are told apart by their platforms. */
function choose({ manifests }: ImageIndex, tag: string | undefined, path: string): Descriptor | undefined {
  const named = (name: string): Descriptor | undefined =>
    manifests.find(({ annotations }) => annotations?.[REF_NAME] === name);
  const chosen = tag === undefined ? manifests.length === 1 ? manifests[0] : named("latest") : named(tag);
  if (chosen !== undefined) return chosen;
  if (tag === undefined && manifests.length > 0 && manifests.every(({ platform }) => platform !== undefined)) {
    return undefined;
  }
  const names = manifests.flatMap(({ annotations }) => annotations?.[REF_NAME] ?? []);
  const missing = tag === undefined
    ? "more than one image and none is tagged latest"
    : `no image with the tag "${tag}"`;
  throw new KilnError(
    "context",
    `Cannot use the OCI layout "${path}": it has ${manifests.length === 0 ? "no image" : missing}`,
    {
      ...(names.length === 0 ? {} : { hint: `it has ${names.slice(0, 10).join(", ")}` }),
    },
  );
}

/** @throws {KilnError} kind `integrity`, if the bytes are not those of the digest */
function serve(bytes: Uint8Array, { digest }: { readonly digest?: Digest }): ServedManifest {
  const found = digestOf(bytes);
  if (digest !== undefined && found !== digest) {
    throw new KilnError("integrity", `Cannot use the manifest ${digest}: its content has the digest ${found}`);
  }
  const fields = parseJsonObject(bytes, `the manifest ${found}`);
  const fallback = fields["manifests"] === undefined ? MEDIA_TYPES.oci.manifest : MEDIA_TYPES.oci.index;
  if (fields["manifests"] !== undefined) asArray(fields["manifests"], `the manifests of ${found}`);
  const mediaType = optionalString(fields, "mediaType", `the manifest ${found}`) ?? fallback;
  return { descriptor: { mediaType, digest: found, size: bytes.length }, bytes };
}

async function readDocument(layout: string, name: string): Promise<Uint8Array> {
  const path = join(layout, name);
  const refuse = (why: string, cause?: unknown): KilnError =>
    new KilnError("context", `Cannot use the OCI layout "${layout}": ${why}`, cause === undefined ? {} : { cause });
  try {
    const { isFile, size } = await Deno.stat(path);
    if (!isFile) throw refuse(`"${name}" is not a file`);
    if (size > MAX_DOCUMENT_BYTES) throw refuse(`"${name}" has more than ${MAX_DOCUMENT_BYTES} bytes`);
    return await Deno.readFile(path);
  } catch (error) {
    if (error instanceof KilnError) throw error;
    if (isMissing(error)) throw refuse(`it has no "${name}"`, error);
    throw refuse(error instanceof Error ? error.message : String(error), error);
  }
}

async function* verifiedBlob(layout: string, { digest, size }: Descriptor): AsyncGenerator<Uint8Array> {
  const refuse = (why: string): KilnError =>
    new KilnError("integrity", `Cannot use the OCI layout "${layout}": the blob ${digest} ${why}`);
  const hash = createHash("sha256");
  let bytes = 0;
  try {
    for await (const chunk of readFile(join(layout, blobPath(digest)), 0)) {
      hash.update(chunk);
      bytes += chunk.length;
      if (bytes > size) throw refuse(`has more than its ${size} bytes`);
      yield chunk;
    }
  } catch (error) {
    throw isMissing(error) ? refuse("is missing") : error;
  }
  if (bytes < size) throw refuse(`has ${bytes} bytes in place of ${size}`);
  const found = digestOfHex(hash.digest("hex"));
  if (found !== digest) throw refuse(`has content with the digest ${found}`);
}

function blobPath(digest: Digest): string {
  return join("blobs", "sha256", hexOf(digest));
}

function isMissing(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory;
}
