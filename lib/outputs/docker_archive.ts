/**
 * A docker archive: one tar file for `docker load`, `podman load` and `skopeo copy docker-archive:`.
 *
 * Format: https://github.com/moby/moby/blob/master/image/spec/v1.2.md as kaniko writes it (kaniko.md 5.14): the config
 * as `sha256:<hex>`, layers as `<hex>.tar.gz` by the digest of the blob, then `manifest.json`. All times are 0, so the
 * same image gives the same file.
 *
 * @module
 */
import { dirname } from "node:path/posix";
import { KilnError } from "../errors.ts";
import type { Image, Layer } from "../image/image.ts";
import { writeAllSync } from "../io/write_all.ts";
import { hexOf } from "../oci/digest.ts";
import { compressionOfLayer, familyOfManifest } from "../oci/media_type.ts";
import { TarWriter } from "../tar/writer.ts";
import { explainingFileErrors } from "./file_error.ts";
import { checkWritable, createFolder, writeNewFile } from "./new_file.ts";
import type { Output } from "./output.ts";
import { readBlob } from "./read_blob.ts";

/** What an image is called in the archive when nothing else names it. */
const UNNAMED = "docker.io/unset-repo/unset-image-name:latest";

/** What an archive is made for. */
export interface DockerArchiveOptions {
  readonly path: string;
  /** The names of the image, as the user wrote them; a name without a tag gets `:latest`. */
  readonly names: readonly string[];
}

/** Creates the output for the file at `path`. */
export function dockerArchive({ path, names }: DockerArchiveOptions): Output {
  const name = `the docker archive "${path}"`;
  const tags = names.length === 0 ? [UNNAMED] : names.map(withTag);
  return {
    name,
    prepare: (): Promise<void> =>
      explainingFileErrors(`write ${name}`, async () => {
        await createFolder(dirname(path), 0o755);
        if ((await Deno.stat(path).catch(() => undefined))?.isDirectory === true) {
          throw new KilnError("usage", `Cannot write ${name}: it is a directory`);
        }
        await checkWritable(dirname(path));
      }),
    write: (image: Image): Promise<void> =>
      explainingFileErrors(`write ${name}`, async () => {
        checkFormat(image, name);
        await writeNewFile(path, (file) => writeArchive(image, { file, tags }));
      }),
  };
}

async function writeArchive(
  image: Image,
  { file, tags }: { readonly file: Deno.FsFile; readonly tags: readonly string[] },
): Promise<void> {
  const tar = new TarWriter((chunk) => writeAllSync(file, chunk));
  const config = `sha256:${hexOf(image.manifest.config.digest)}`;
  writeEntry(tar, config, image.configBytes);
  const written = new Set<string>();
  for (const layer of image.layers) {
    const entry = entryOf(layer);
    if (written.has(entry)) continue; // A layer may occur twice, its file only once.
    written.add(entry);
    writeHeader(tar, entry, layer.descriptor.size);
    for await (const chunk of readBlob(layer.descriptor, layer.blob)) tar.body(chunk);
  }
  const manifest = [{ Config: config, RepoTags: tags, Layers: image.layers.map(entryOf) }];
  writeEntry(tar, "manifest.json", new TextEncoder().encode(JSON.stringify(manifest)));
  tar.finish();
}

function writeEntry(tar: TarWriter, name: string, bytes: Uint8Array): void {
  writeHeader(tar, name, bytes.length);
  tar.body(bytes);
}

function writeHeader(tar: TarWriter, name: string, size: number): void {
  tar.header({
    name,
    type: "file",
    mode: 0o644,
    uid: 0,
    gid: 0,
    size,
    mtimeNs: 0n,
    linkName: "",
    devMajor: 0,
    devMinor: 0,
  });
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
