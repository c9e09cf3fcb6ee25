/**
 * Unpacking a layer's blob into a directory, in a Worker, while the blob may still be arriving.
 *
 * @module
 */
import type { WorkerPool } from "../async/worker_pool.ts";
import { KilnError } from "../errors.ts";
import type { BytePath } from "../io/byte_path.ts";
import type { ExpansionLimits } from "../io/expansion_limit.ts";
import type { LayerFile } from "../store/blob_file.ts";
import type { ExtractOptions, LayerFindings } from "../tree/extract.ts";
import type { Jobs } from "../worker.ts";

/**
 * Unpacks a layer and verifies its diff ID. Resolves only when the blob itself is complete and verified, too: until
 * then nothing of the directory may be used.
 */
export async function unpackLayer(
  pool: WorkerPool<Jobs>,
  layer: LayerFile,
  target: {
    readonly directory: BytePath;
    readonly form: ExtractOptions["form"];
    readonly expansion: ExpansionLimits | undefined;
  },
): Promise<LayerFindings> {
  const blob = layer.blob();
  const unpacking = pool.run("extractLayer", {
    path: blob.path,
    finalPath: blob.finalPath,
    ...(blob.progress === undefined ? {} : { progress: blob.progress }),
    compression: layer.compression,
    diffId: layer.diffId,
    directory: target.directory,
    form: target.form,
    ...(target.expansion === undefined ? {} : { expansion: target.expansion }),
  });
  // When the download fails both fail; what went wrong with the download is what the user needs to know.
  const [downloaded, unpacked] = await Promise.allSettled([blob.complete, unpacking]);
  if (downloaded.status === "rejected") throw downloaded.reason;
  if (unpacked.status === "rejected") throw explain(unpacked.reason, layer);
  return unpacked.value;
}

/** Says which layer is damaged; the diff ID is how the image's config knows it. */
function explain(error: unknown, { diffId }: LayerFile): unknown {
  const isDamage = error instanceof KilnError && error.kind === "integrity";
  return isDamage ? error.within(`unpack the layer with the diff ID ${diffId}`) : error;
}
