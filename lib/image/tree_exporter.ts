/**
 * Writing out the files of a finished tree, from the side of whoever wants them: the work is a Worker's.
 *
 * @module
 */
import type { WorkerPool } from "../async/worker_pool.ts";
import { type BytePath, bytePathOf } from "../io/byte_path.ts";
import { close, makePipe } from "../sys/file.ts";
import type { Jobs } from "../worker.ts";
import type { ExportReply, ExportTarget } from "./export_tree.ts";
import type { GuardedSecret } from "./secret_guard.ts";

/** A tree, and how it is written out. */
export interface TreeExporterParts {
  readonly pool: WorkerPool<Jobs>;
  readonly root: BytePath;
  /** SOURCE_DATE_EPOCH: later times are written as this one. Seconds since the epoch. */
  readonly latestSec?: number;
  readonly secrets: readonly GuardedSecret[];
}

/** Bytes read from a pipe at a time. */
const PIECE_BYTES = 1 << 18;

/** Writes out one tree, as often as asked. Its methods throw what `exportTree` throws. */
export class TreeExporter {
  readonly #parts: TreeExporterParts;

  constructor(parts: TreeExporterParts) {
    this.#parts = parts;
  }

  /** Writes to an existing directory; `mirror`: what the tree does not have is removed there. */
  toDirectory(path: string, { mirror }: { readonly mirror: boolean }): Promise<ExportReply> {
    return this.#export({ kind: "directory", path: bytePathOf(path), mirror });
  }

  /** Writes a tar. @throws also what `write` throws */
  async toTar(write: (chunk: Uint8Array) => void): Promise<ExportReply> {
    const { readEnd, writeEnd } = makePipe();
    const packing = this.#export({ kind: "tar", descriptor: writeEnd }).finally(() => close(writeEnd));
    const reading = readAll(readEnd, write).finally(() => close(readEnd));
    // Each may fail first, and the other one then ends, too; packing fails for no reason of its own when nobody reads.
    const [packed, read] = await Promise.allSettled([packing, reading]);
    if (read.status === "rejected") throw read.reason;
    if (packed.status === "rejected") throw packed.reason;
    return packed.value;
  }

  async #export(to: ExportTarget): Promise<ExportReply> {
    const { pool, root, latestSec, secrets } = this.#parts;
    return await pool.run("exportTree", { root, to, secrets, ...(latestSec === undefined ? {} : { latestSec }) });
  }
}

async function readAll(descriptor: number, write: (chunk: Uint8Array) => void): Promise<void> {
  using pipe = await Deno.open(`/proc/self/fd/${descriptor}`);
  const buffer = new Uint8Array(PIECE_BYTES);
  for (let count = await pipe.read(buffer); count !== null; count = await pipe.read(buffer)) {
    write(buffer.subarray(0, count));
  }
}
