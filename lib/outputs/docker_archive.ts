/**
 * A docker archive: one tar file for `docker load`, `podman load` and `skopeo copy docker-archive:`.
 *
 * Format: https://github.com/moby/moby/blob/master/image/spec/v1.2.md as kaniko writes it (kaniko.md 5.14): the config
 * as `sha256:<hex>`, layers as `<hex>.tar.gz` by the digest of the blob, then `manifest.json`. All times are 0, so the
 * same image gives the same file.
 *
 * @module
 */
import { KilnError } from "../errors.ts";
import type { Image, Layer } from "../image/image.ts";
import { hexOf } from "../oci/digest.ts";
import { compressionOfLayer, familyOfManifest } from "../oci/media_type.ts";
import { TarWriter } from "../tar/writer.ts";
import { type ArchivePlace, nameOfArchive, preparePlace, writePlace } from "./archive_place.ts";
import { writeFile, writeFileHeader } from "./archive_entries.ts";
import type { Output } from "./output.ts";
import { readBlob } from "./read_blob.ts";

/** What an image is called in the archive when nothing else names it. */
const UNNAMED = "docker.io/unset-repo/unset-image-name:latest";

/** What an archive is made for. */
export interface DockerArchiveOptions {
  readonly place: ArchivePlace;
  /** The names of the image, as the user wrote them; a name without a tag gets `:latest`. */
  readonly names: readonly string[];
}

/** Creates the output. */
export function dockerArchive({ place, names }: DockerArchiveOptions): Output {
  const name = nameOfArchive("the docker archive", place);
  const tags = names.length === 0 ? [UNNAMED] : names.map(withTag);
  return {
    name,
    prepare: () => preparePlace(place, name),
    async write(image: Image): Promise<void> {
      checkFormat(image, name);
      await writePlace(place, name, (write) => writeArchive(image, { write, tags }));
    },
  };
}

async function writeArchive(
  image: Image,
  { write, tags }: { readonly write: (chunk: Uint8Array) => void; readonly tags: readonly string[] },
): Promise<void> {
  const tar = new TarWriter(write);
  const config = `sha256:${hexOf(image.manifest.config.digest)}`;
  writeFile(tar, config, image.configBytes);
  const written = new Set<string>();
  for (const layer of image.layers) {
    const entry = entryOf(layer);
    if (written.has(entry)) continue; // A layer may occur twice, its file only once.
    written.add(entry);
    writeFileHeader(tar, entry, layer.descriptor.size);
    for await (const chunk of readBlob(layer.descriptor, layer.blob)) tar.body(chunk);
  }
  const manifest = [{ Config: config, RepoTags: tags, Layers: image.layers.map(entryOf) }];
  writeFile(tar, "manifest.json", new TextEncoder().encode(JSON.stringify(manifest)));
  tar.finish();
}

function entryOf({ descriptor }: Layer): string {
  const suffix = compressionOfLayer(descriptor.mediaType) === "none" ? ".tar" : ".tar.gz";
  return `${hexOf(descriptor.digest)}${suffix}`;
}

/** Readers of archives know neither OCI manifests nor, most of them, zstd. */
function checkFormat(image: Image, name: string): void {
  if (familyOfManifest(image.manifest.mediaType) !== "docker") {
    throw new Error(`Unreachable: the image for ${name} is of type ${image.manifest.mediaType}`);
  }
  const zstd = image.layers.find(({ descriptor }) => compressionOfLayer(descriptor.mediaType) === "zstd");
  if (zstd === undefined) return;
  throw new KilnError("usage", `Cannot write ${name}: its layer ${zstd.descriptor.digest} is compressed with zstd`, {
    hint: "write an OCI layout (--oci-layout-path) or push the image instead",
  });
}

/** Adds `:latest` to a name without a tag; a colon before the last slash belongs to a port. */
function withTag(name: string): string {
  return name.lastIndexOf(":") > name.lastIndexOf("/") ? name : `${name}:latest`;
}
