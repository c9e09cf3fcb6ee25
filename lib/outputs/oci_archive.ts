/**
 * An OCI archive: an image layout in one tar file, for `skopeo copy oci-archive:`, `podman load` and `nerdctl load`.
 *
 * Its index has an entry for each name of the image, with the annotations that BuildKit and containerd find them by.
 *
 * @module
 */
import type { Image } from "../image/image.ts";
import { type Digest, hexOf } from "../oci/digest.ts";
import { MEDIA_TYPES } from "../oci/media_type.ts";
import { formatReference, type Reference } from "../oci/reference.ts";
import { TarWriter } from "../tar/writer.ts";
import { writeFile, writeFileHeader, writeFolder } from "./archive_entries.ts";
import { type ArchivePlace, nameOfArchive, preparePlace, writePlace } from "./archive_place.ts";
import type { Output } from "./output.ts";
import { readBlob } from "./read_blob.ts";

/** What an archive is made for. */
export interface OciArchiveOptions {
  readonly place: ArchivePlace;
  /** The names of the image. */
  readonly names: readonly Reference[];
}

const ENCODER = new TextEncoder();

/** Creates the output. */
export function ociArchive({ place, names }: OciArchiveOptions): Output {
  const name = nameOfArchive("the OCI archive", place);
  return {
    name,
    prepare: () => preparePlace(place, name),
    write: (image: Image): Promise<void> => writePlace(place, name, (write) => writeArchive(image, { write, names })),
  };
}

async function writeArchive(
  image: Image,
  { write, names }: { readonly write: (chunk: Uint8Array) => void; readonly names: readonly Reference[] },
): Promise<void> {
  const tar = new TarWriter(write);
  writeFolder(tar, "blobs");
  writeFolder(tar, "blobs/sha256");
  const written = new Set<Digest>();
  for (const { descriptor, blob } of image.layers) {
    if (written.has(descriptor.digest)) continue; // A layer may occur twice, its blob only once.
    written.add(descriptor.digest);
    writeFileHeader(tar, pathOf(descriptor.digest), descriptor.size);
    for await (const chunk of readBlob(descriptor, blob)) tar.body(chunk);
  }
  writeFile(tar, pathOf(image.manifest.config.digest), image.configBytes);
  writeFile(tar, pathOf(image.descriptor.digest), image.manifestBytes);
  writeFile(tar, "oci-layout", ENCODER.encode(JSON.stringify({ imageLayoutVersion: "1.0.0" })));
  writeFile(tar, "index.json", ENCODER.encode(JSON.stringify(indexOf(image, names))));
  tar.finish();
}

function pathOf(digest: Digest): string {
  return `blobs/sha256/${hexOf(digest)}`;
}

function indexOf({ descriptor, config }: Image, names: readonly Reference[]): unknown {
  const { mediaType, digest, size } = descriptor;
  const created = config.created === undefined ? {} : { "org.opencontainers.image.created": config.created };
  const entry = (annotations: Readonly<Record<string, string>>): unknown => ({ mediaType, digest, size, annotations });
  const manifests = names.length === 0
    ? [entry({ ...created, "org.opencontainers.image.ref.name": "latest" })]
    : names.map((name) =>
      entry({
        ...created,
        "io.containerd.image.name": formatReference(name),
        "org.opencontainers.image.ref.name": name.tag ?? "latest",
      })
    );
  return { schemaVersion: 2, mediaType: MEDIA_TYPES.oci.index, manifests };
}
