/**
 * The packing job: changes of a tree, or a finished tar, to a layer's blob.
 *
 * @module
 */
import type { JobContext } from "../async/worker_pool.ts";
import { buffersOf, compressBlock, type CompressRequest } from "../io/block_format.ts";
import type { BytePath } from "../io/byte_path.ts";
import { explainSysError } from "../sys/errno.ts";
import * as files from "../sys/file.ts";
import { TarWriter } from "../tar/writer.ts";
import { writeChanges } from "../tree/archive.ts";
import { LayerDirectory } from "../tree/layer_directory.ts";
import { overlayChanges } from "../tree/overlay_changes.ts";
import type { Metadata } from "../tree/metadata_access.ts";
import { withoutIgnored } from "../tree/without_ignored.ts";
import { type Compressor, LayerWriter } from "./layer_writer.ts";
import { type GuardedSecret, SecretGuard } from "./secret_guard.ts";
import type { LayerSource, PackedLayer, PackOptions } from "./packer.ts";

/** What to pack where. */
export interface PackRequest {
  readonly source: LayerSource;
  /** The blob's file, to be made. */
  readonly output: BytePath;
  readonly options: PackOptions;
  /** What must not be in the layer. */
  readonly secrets: readonly GuardedSecret[];
}

/** What packing takes besides. */
export interface PackMeans {
  readonly context: JobContext;
  readonly metadata: Metadata;
}

/** A layer below this many bytes of tar is compressed where it is made: asking another Worker would take longer. */
const SMALL_BYTES = 1 << 17;

/** Packs one layer. Runs in a Worker; `context` compresses blocks in others. */
export async function packLayer(request: PackRequest, { context, metadata }: PackMeans): Promise<PackedLayer> {
  const { output, options } = request;
  let writer: LayerWriter | undefined;
  try {
    writer = new LayerWriter(output, options, compressorOf(context));
    return await writeLayer(request, { writer, metadata });
  } catch (error) {
    await writer?.abandon();
    throw explainSysError(error, "pack the layer", "disk");
  }
}

async function writeLayer(
  { source, options, secrets }: PackRequest,
  { writer, metadata }: { readonly writer: LayerWriter; readonly metadata: Metadata },
): Promise<PackedLayer> {
  const guard = secrets.length === 0 ? undefined : new SecretGuard(secrets);
  const write = (chunk: Uint8Array): void => {
    guard?.write(chunk);
    writer.write(chunk);
  };
  if (source.kind === "tar") {
    await copyTar(source.path, write, () => writer.full ? writer.drain() : undefined);
    return await writer.finish(source.entries);
  }
  using lower = LayerDirectory.open(source.below, { metadata });
  const upper = files.openDirectory(source.upper);
  try {
    const tar = new TarWriter(write);
    const changes = withoutIgnored(overlayChanges(upper, lower, metadata), options.ignorePaths);
    const entries = await writeChanges(changes, tar, {
      metadata,
      drain: () => writer.full ? writer.drain() : undefined,
      ...(options.latestSec === undefined ? {} : { latestSec: options.latestSec }),
    });
    return await writer.finish(entries);
  } finally {
    files.close(upper);
  }
}

function compressorOf(context: JobContext): Compressor {
  return async (request: CompressRequest) => {
    if (request.last && request.block.length <= SMALL_BYTES) return compressBlock(request);
    const answer = await context.ask(request, buffersOf(request));
    // The owner of the pool answers a CompressRequest with its compressed bytes.
    return answer as Uint8Array<ArrayBuffer>;
  };
}

async function copyTar(
  path: BytePath,
  write: (chunk: Uint8Array) => void,
  drain: () => Promise<void> | undefined,
): Promise<void> {
  const fd = files.openAt(files.AT_FDCWD, path, files.O.RDONLY);
  try {
    const buffer = new Uint8Array(1 << 18);
    for (let count = files.read(fd, buffer); count > 0; count = files.read(fd, buffer)) {
      write(buffer.subarray(0, count));
      await drain();
    }
  } finally {
    files.close(fd);
  }
}
