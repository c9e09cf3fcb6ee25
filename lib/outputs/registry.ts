/**
 * Images into registries: blobs while the build goes on, the manifest under its tag last, when all repositories have all
 * blobs.
 *
 * @module
 */
import { KilnError } from "../errors.ts";
import type { Image, Layer } from "../image/image.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";
import { formatReference, formatRepository, type Reference, type Repository } from "../oci/reference.ts";
import type { PutOutcome, Registry } from "../registry/registry.ts";
import type { Report } from "../report/report.ts";
import type { BlobSource } from "../store/blob.ts";
import { BlobPusher } from "./blob_pusher.ts";
import { bytesSource } from "./bytes_source.ts";
import type { Output } from "./output.ts";

/** What pushing takes. */
export interface RegistryOutputOptions {
  readonly registry: Registry;
  /** Where to push to, each with a tag. */
  readonly destinations: readonly Reference[];
  /** Where to push to without a tag, by the digest alone. */
  readonly untagged?: readonly Reference[];
  /** Whether `prepare` asks each repository if pushing is allowed. */
  readonly checkPush: boolean;
  readonly report: Report;
  readonly signal: AbortSignal;
}

/** Creates one output for each destination; together they send each blob as rarely as possible. */
export function registryOutputs(options: RegistryOutputOptions): readonly Output[] {
  const { registry, signal, checkPush } = options;
  const pusher = new BlobPusher(registry, signal);
  const checks = new Map<string, Promise<void>>();
  const check = (destination: Repository): Promise<void> => {
    const repository = formatRepository(destination);
    const known = checks.get(repository) ?? registry.checkPush(destination, signal);
    checks.set(repository, known);
    return known;
  };
  const untagged = (options.untagged ?? []).map(({ registry, repository }): Repository => ({ registry, repository }));
  return [...options.destinations, ...untagged].map((destination) => ({
    ...registryOutput(destination, pusher, options),
    prepare: (): Promise<void> => checkPush ? check(destination) : Promise.resolve(),
  }));
}

function registryOutput(
  destination: Reference | Repository,
  pusher: BlobPusher,
  options: RegistryOutputOptions,
): Omit<Output, "prepare"> {
  const { report } = options;
  const pushAll = async (blobs: readonly ImageBlob[]): Promise<readonly PutOutcome[]> => {
    const pushes = blobs.map(({ blob, source }) => pusher.push(destination, blob, source));
    // All have ended before an error is told; the first one stops the others.
    await Promise.allSettled(pushes);
    return await Promise.all(pushes);
  };
  const reference = (image: Image): Reference =>
    isTagged(destination) ? destination : { ...destination, digest: image.descriptor.digest };
  const name = isTagged(destination) ? formatReference(destination) : formatRepository(destination);
  return {
    name,
    async stage({ descriptor, blob }: Layer): Promise<void> {
      await pusher.push(destination, descriptor, blob);
    },
    async stageImage(image: Image): Promise<void> {
      await pushAll(blobsOf(image));
    },
    async write(image: Image): Promise<void> {
      const blobs = blobsOf(image);
      const outcomes = await pushAll(blobs);
      await putManifest(image, { destination: reference(image), pusher, options, blobs });
      const count = (wanted: string) => outcomes.filter((outcome) => outcome === wanted).length;
      const how = `${count("uploaded")} blobs sent, ${count("mounted")} mounted, ${count("present")} there already`;
      report.message("debug", `Pushed ${name}@${image.descriptor.digest} (${how})`);
    },
  };
}

function isTagged(destination: Reference | Repository): destination is Reference {
  return "tag" in destination;
}

interface Push {
  readonly destination: Reference;
  readonly pusher: BlobPusher;
  readonly options: RegistryOutputOptions;
  readonly blobs: readonly ImageBlob[];
}

/** Stores the manifest; blobs that the registry then misses are sent once more (F10). */
async function putManifest(image: Image, { destination, pusher, options, blobs }: Push): Promise<void> {
  const { registry, report, signal } = options;
  const put = () => registry.putManifest(destination, image.descriptor.mediaType, image.manifestBytes, signal);
  try {
    await put();
  } catch (error) {
    const unknown = unknownBlobsOf(error);
    const missing = blobs.filter(({ blob }) => unknown.includes(blob.digest));
    if (missing.length === 0) throw error;
    report.message(
      "warn",
      `${formatReference(destination)}: the registry misses ${missing.length} blobs it had; sending them again`,
    );
    for (const { blob, source } of missing) await pusher.pushAgain(destination, blob, source);
    await put();
  }
}

/** What a `BlobsUnknownError` says; told by its field, as of registries only types are known here. */
function unknownBlobsOf(error: unknown): readonly Digest[] {
  return error instanceof KilnError && "unknownBlobs" in error && Array.isArray(error.unknownBlobs)
    ? error.unknownBlobs
    : [];
}

interface ImageBlob {
  readonly blob: Descriptor;
  readonly source: BlobSource;
}

/** Layers and config. */
function blobsOf({ layers, manifest, configBytes }: Image): readonly ImageBlob[] {
  return [
    ...layers.map(({ descriptor, blob }) => ({ blob: descriptor, source: blob })),
    { blob: manifest.config, source: bytesSource(configBytes) },
  ];
}
