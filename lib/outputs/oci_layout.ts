/**
 * An OCI image layout: a folder with one image in it.
 *
 * Source: https://github.com/opencontainers/image-spec/blob/main/image-layout.md. As kaniko does (kaniko.md 5.14), the
 * index names exactly one manifest, and blobs of earlier images stay. Unlike kaniko's it gives the manifest its tag
 * (`org.opencontainers.image.ref.name`): umoci and others find images in a layout by nothing else. `index.json` is
 * written last: until then the folder holds the earlier image, or none, and a build that fails takes its blobs away.
 *
 * @module
 */
import { join } from "node:path/posix";
import type { Image, Layer } from "../image/image.ts";
import { writeAll } from "../io/write_all.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { type Digest, hexOf } from "../oci/digest.ts";
import { MEDIA_TYPES } from "../oci/media_type.ts";
import type { BlobSource } from "../store/blob.ts";
import { bytesSource } from "./bytes_source.ts";
import { explainingFileErrors } from "./file_error.ts";
import { checkWritable, createFolder, writeNewFile } from "./new_file.ts";
import type { Output } from "./output.ts";
import { readBlob } from "./read_blob.ts";

const FOLDER_MODE = 0o755;

/** Creates the output for the folder at `path`; `tag` is the name of the image in it. */
export function ociLayout(path: string, tag = "latest"): Output {
  const name = `the OCI layout "${path}"`;
  const blobs = join(path, "blobs", "sha256");
  const written = new Map<Digest, Promise<void>>();
  /** Files that were not there before. */
  const added = new Set<string>();
  const put = (blob: Descriptor, source: BlobSource): Promise<void> => {
    const known = written.get(blob.digest);
    if (known !== undefined) return known;
    const file = join(blobs, hexOf(blob.digest));
    const writing = isThere(file).then(async (wasThere) => {
      await writeNewFile(file, async (to) => {
        for await (const chunk of readBlob(blob, source)) await writeAll(to, chunk);
      });
      if (!wasThere) added.add(file);
    });
    written.set(blob.digest, writing);
    return writing;
  };
  const explaining = (body: () => Promise<void>) => explainingFileErrors(`write ${name}`, body);
  const prepare = (): Promise<void> =>
    explaining(async () => {
      await createFolder(blobs, FOLDER_MODE);
      await checkWritable(path);
      await checkWritable(blobs);
    });
  return {
    name,
    prepare,
    stage: (layer: Layer): Promise<void> => explaining(() => put(layer.descriptor, layer.blob)),
    write: (image: Image): Promise<void> =>
      explaining(async () => {
        await createFolder(blobs, FOLDER_MODE);
        for (const { descriptor, blob } of image.layers) await put(descriptor, blob);
        await put(image.manifest.config, bytesSource(image.configBytes));
        await put(image.descriptor, bytesSource(image.manifestBytes));
        await writeDocument(join(path, "oci-layout"), { imageLayoutVersion: "1.0.0" });
        await writeDocument(join(path, "index.json"), indexOf(image, tag));
        added.clear();
      }),
    async abandon(): Promise<void> {
      for (const file of added) await Deno.remove(file);
    },
  };
}

async function isThere(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function indexOf({ descriptor }: Image, tag: string): unknown {
  const { mediaType, digest, size } = descriptor;
  const annotations = { "org.opencontainers.image.ref.name": tag };
  return { schemaVersion: 2, mediaType: MEDIA_TYPES.oci.index, manifests: [{ mediaType, size, digest, annotations }] };
}

function writeDocument(path: string, document: unknown): Promise<void> {
  return writeNewFile(path, (file) => writeAll(file, new TextEncoder().encode(JSON.stringify(document))));
}
