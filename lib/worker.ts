/**
 * The only Worker entry: the table of jobs.
 *
 * @module
 */
import { type JobContext, serveJobs, Transferred, type WorkerPort } from "./async/worker_pool.ts";
import { unpackContext } from "./contexts/unpack_job.ts";
import { readPack } from "./git/read_pack.ts";
import { extractLayer } from "./image/extract_layer.ts";
import { findChangedContent } from "./image/changed_content.ts";
import { packLayer, type PackRequest } from "./image/pack_layer.ts";
import { scanLayer, spoolLayer } from "./image/scan_layer.ts";
import { compressBlock, type CompressRequest } from "./io/block_format.ts";
import { digestFile } from "./io/digest_file.ts";
import { releaseBuffer } from "./io/release_buffer.ts";
import { explainHostFault } from "./sys/errno.ts";
import { parseMode } from "./dockerfile/values/mode.ts";
import { copyInto, type CopyRequest } from "./tree/copy_into.ts";
import { copyTree } from "./tree/copy_tree.ts";
import { isPlainTree } from "./tree/plain_tree.ts";
import { restoreLinks } from "./tree/restore_links.ts";
import { settleLayer } from "./tree/settle_layer.ts";
import { digestTree } from "./tree/tree_digest.ts";

const JOBS = {
  /** Compresses one block; the result moves back. */
  compressBlock(request: CompressRequest): Transferred<Uint8Array<ArrayBuffer>> {
    const bytes = compressBlock(request);
    releaseBuffer(request.block.buffer);
    return new Transferred(bytes, [bytes.buffer]);
  },
  /** Copies; the mode travels as the text of `--chmod`. */
  copyInto({ chmod, ...request }: Omit<CopyRequest, "mode"> & { readonly chmod?: string }): Promise<void> {
    if (chmod === undefined) return copyInto(request);
    const mode = parseMode(chmod);
    const parents = mode.octal === undefined ? {} : { parentMode: mode.octal };
    return copyInto({ ...request, ...parents, mode: mode.apply });
  },
  copyTree,
  digestFile,
  digestTree,
  extractLayer,
  findChangedContent,
  isPlainTree,
  packLayer: (request: PackRequest, context: JobContext) => packLayer(request, context),
  readGitPack: readPack,
  restoreLinks,
  scanLayer,
  settleLayer,
  spoolLayer,
  unpackContext,
};

/** The jobs Workers can do. */
export type Jobs = typeof JOBS;

// A Worker's global scope; the compiler's library for windows declares another one.
serveJobs(globalThis as unknown as WorkerPort, JOBS, explainHostFault);
