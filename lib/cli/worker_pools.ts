/**
 * The Workers of a build.
 *
 * @module
 */
import { WorkerPool } from "../async/worker_pool.ts";
import { KilnError } from "../errors.ts";
import { buffersOf, type CompressRequest } from "../io/block_format.ts";
import { hardLimitOfOpenFiles } from "../sys/limits.ts";
import type { Jobs } from "../worker.ts";

/** With less Deno itself panics when a Worker starts; a small build takes some eighty. */
const LEAST_FILES = 200;
/** What a Worker of each kind has open at the most: directories of a walk, files, Deno's own. */
const FILES_A_WORKER = 100;

/** The Workers: some for jobs, and some that compress for them. */
export class WorkerPools implements Disposable {
  readonly jobs: WorkerPool<Jobs>;
  readonly #compressors: WorkerPool<Jobs>;

  /**
   * @param openFiles how many this process may have.
   * @throws {KilnError} kind `interrupted`, if that is too few to begin with
   */
  constructor(module: URL, openFiles = hardLimitOfOpenFiles()) {
    if (openFiles < LEAST_FILES) {
      throw new KilnError(
        "interrupted",
        `Cannot build: this process may open ${openFiles} files, and needs ${LEAST_FILES}`,
        {
          hint: "raise the limit (ulimit -n)",
        },
      );
    }
    const size = Math.max(2, Math.min(navigator.hardwareConcurrency, Math.floor(openFiles / FILES_A_WORKER)));
    this.#compressors = new WorkerPool<Jobs>({ module, size, depth: 2 });
    this.jobs = new WorkerPool<Jobs>({
      module,
      size,
      answer: async (asked) => {
        // Jobs ask for nothing else.
        const request = asked as CompressRequest;
        const value = await this.#compressors.run("compressBlock", request, buffersOf(request));
        return { value, transfer: [value.buffer] };
      },
    });
  }

  /** Starts the first Worker, which blocks this thread for 12 ms: best while it waits for something. */
  warm(): void {
    this.jobs.warm(1);
  }

  [Symbol.dispose](): void {
    this.jobs[Symbol.dispose]();
    this.#compressors[Symbol.dispose]();
  }
}
