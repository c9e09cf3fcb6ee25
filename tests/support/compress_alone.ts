/**
 * Has the Workers of a build compress blocks in a process of its own, and prints how much memory it has after a fourth
 * of them and at the end, in bytes, as JSON.
 *
 *     deno run -A tests/support/compress_alone.ts BLOCKS
 *
 * @module
 */
import { WorkerPool } from "../../lib/async/worker_pool.ts";
import { blockFormatOf, buffersOf } from "../../lib/io/block_format.ts";
import type { Jobs } from "../../lib/worker.ts";

const BLOCK_BYTES = 65_536;
const count = Number(Deno.args[0]);
using pool = new WorkerPool<Jobs>({ module: new URL("../../lib/worker.ts", import.meta.url), size: 1 });
const format = blockFormatOf("gzip");
const taken: number[] = [];
for (let done = 1; done <= count; done++) {
  const request = format.request(new Uint8Array(BLOCK_BYTES), false);
  (await pool.run("compressBlock", request, buffersOf(request))).buffer.transfer(0);
  if (done === count / 4 || done === count) taken.push(await anonymousBytes());
}
console.log(JSON.stringify(taken));

async function anonymousBytes(): Promise<number> {
  return Number(/RssAnon:\s*(\d+) kB/.exec(await Deno.readTextFile("/proc/self/status"))?.[1]) * 1024;
}
