/**
 * The only Worker entry: the table of jobs.
 *
 * @module
 */
import { type JobContext, serveJobs, Transferred, type WorkerPort } from "./async/worker_pool.ts";
import { unpackContext } from "./contexts/unpack_job.ts";
import { pruneCaches } from "./exec/mounts/prune_caches.ts";
import { readPack } from "./git/read_pack.ts";
import { exportTree } from "./image/export_tree.ts";
import { extractLayer } from "./image/extract_layer.ts";
import { findChangedContent } from "./image/changed_content.ts";
import { packLayer, type PackRequest } from "./image/pack_layer.ts";
import { scanLayer, spoolLayer } from "./image/scan_layer.ts";
import { buffersOf, compressBlock, type CompressRequest } from "./io/block_format.ts";
import { GarbageCollector } from "./io/collect_garbage.ts";
import { releaseBuffer } from "./io/release_buffer.ts";
import { explainHostFault } from "./sys/errno.ts";
import { bindFileCalls } from "./sys/libc.ts";
import { parseMode } from "./dockerfile/values/mode.ts";
import { copyInto, type CopyRequest } from "./tree/copy_into.ts";
import type { BytePath } from "./io/byte_path.ts";
import { Metadata } from "./tree/metadata_access.ts";
import { adoptRecords } from "./tree/adopt_records.ts";
import { copyLinks, dropUnchangedCopies, findLinks } from "./tree/linked_copies.ts";
import { timeOfArchive } from "./tree/archive_file.ts";
import { copyTree } from "./tree/copy_tree.ts";
import { makeWorkingDirectory } from "./tree/make_directories.ts";
import { isPlainTree } from "./tree/plain_tree.ts";
import { restoreLinks } from "./tree/restore_links.ts";
import { settleLayer } from "./tree/settle_layer.ts";
import { digestTree } from "./tree/tree_digest.ts";

/** Makes a job of a function that reads and writes metadata: the build's side record is what all jobs share. */
function keeping<Request, Result>(
  work: (request: Request, metadata: Metadata) => Result | Promise<Result>,
): (request: Request, context: JobContext) => Promise<Result> {
  return async (request, { shared }) => {
    using metadata = new Metadata(shared as BytePath | undefined);
    return await work(request, metadata);
  };
}

/** Every 256 blocks: at most 8 MiB of dictionaries wait, and collecting takes less than 1 % of what compressing does. */
const blocks = new GarbageCollector(256);

const JOBS = {
  adoptRecords: keeping(adoptRecords),
  /** Compresses one block; the result moves back. */
  compressBlock(request: CompressRequest): Transferred<Uint8Array<ArrayBuffer>> {
    const bytes = compressBlock(request);
    buffersOf(request).forEach(releaseBuffer);
    blocks.used();
    return new Transferred(bytes, [bytes.buffer]);
  },
  /** Copies; the mode travels as the text of `--chmod`. */
  copyInto: keeping((request: Omit<CopyRequest, "mode"> & { readonly chmod?: string }, metadata) => {
    const { chmod, ...rest } = request;
    if (chmod === undefined) return copyInto(rest, metadata);
    const mode = parseMode(chmod);
    const parents = mode.octal === undefined ? {} : { parentMode: mode.octal & 0o777 };
    return copyInto({ ...rest, ...parents, mode: mode.apply }, metadata);
  }),
  copyLinks: keeping(copyLinks),
  copyTree: keeping(copyTree),
  digestTree: keeping(digestTree),
  dropUnchangedCopies: keeping(dropUnchangedCopies),
  exportTree: keeping(exportTree),
  extractLayer: keeping(extractLayer),
  findChangedContent,
  findLinks,
  isPlainTree,
  makeWorkingDirectory: keeping(makeWorkingDirectory),
  packLayer: (request: PackRequest, context: JobContext) =>
    keeping((request: PackRequest, metadata) => packLayer(request, { context, metadata }))(request, context),
  pruneCaches,
  readGitPack: readPack,
  restoreLinks: keeping(restoreLinks),
  scanLayer: keeping(scanLayer),
  settleLayer: keeping(settleLayer),
  spoolLayer: keeping(spoolLayer),
  timeOfArchive,
  unpackContext: keeping(unpackContext),
};

/** The jobs Workers can do. */
export type Jobs = typeof JOBS;

// A Worker's global scope; the compiler's library for windows declares another one.
serveJobs(globalThis as unknown as WorkerPort, JOBS, explainHostFault);

// A Worker is started before there is work for it. Of the 45 ms that the first layer took, 10 went into this.
setTimeout(bindFileCalls, 0);
