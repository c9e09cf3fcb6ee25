/**
 * The Workers of a build.
 *
 * @module
 */
import { WorkerPool } from "../async/worker_pool.ts";
import type { CompressRequest } from "../io/block_format.ts";
import type { Jobs } from "../worker.ts";

/** The Workers: some for jobs, and some that compress for them. */
export class WorkerPools implements Disposable {
  readonly jobs: WorkerPool<Jobs>;
  readonly #compressors: WorkerPool<Jobs>;

  constructor(module: URL) {
    const size = Math.max(2, navigator.hardwareConcurrency);
    this.#compressors = new WorkerPool<Jobs>({ module, size, depth: 2 });
    this.jobs = new WorkerPool<Jobs>({
      module,
      size,
      answer: async (asked) => {
        // Jobs ask for nothing else.
        const request = asked as CompressRequest;
        const value = await this.#compressors.run("compressBlock", request, [request.block.buffer]);
        return { value, transfer: [value.buffer] };
      },
    });
    this.jobs.warm(1);
  }

  [Symbol.dispose](): void {
    this.jobs[Symbol.dispose]();
    this.#compressors[Symbol.dispose]();
  }
}
