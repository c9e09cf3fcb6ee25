/**
 * What an image and an executor take: to pull, to unpack, to start, in memory.
 *
 * @module
 */
import { join } from "node:path/posix";

/** Sizes in bytes. */
export interface ImageSize {
  /** All layers as they are pulled. */
  readonly pulled: number;
  /** The layers as they are unpacked: tar archives. */
  readonly unpacked: number;
}

/** Reads the size of the one image of an OCI layout whose layers are gzip. */
export async function imageSize(layout: string): Promise<ImageSize> {
  const blob = (digest: string): string => join(layout, "blobs", digest.replace(":", "/"));
  const { manifests: [{ digest }] } = JSON.parse(await Deno.readTextFile(join(layout, "index.json")));
  const { layers } = JSON.parse(await Deno.readTextFile(blob(digest)));
  let [pulled, unpacked] = [0, 0];
  for (const { digest, size } of layers) {
    pulled += size;
    using file = await Deno.open(blob(digest));
    for await (const chunk of file.readable.pipeThrough(new DecompressionStream("gzip"))) unpacked += chunk.length;
  }
  return { pulled, unpacked };
}

/**
 * The peak of the resident memory of an executor that has started and waits for input, in bytes; `VmHWM` of proc(5).
 * What it shares with other processes, its own file for the most part, counts.
 */
export async function startedMemory(executor: string): Promise<number> {
  const child = new Deno.Command(executor, {
    args: ["debug", "words"],
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode("word\n"));
  const reader = child.stdout.getReader();
  const { done } = await reader.read();
  const status = await Deno.readTextFile(`/proc/${child.pid}/status`);
  await writer.close();
  await reader.cancel();
  await child.status;
  const [, kibibytes] = /^VmHWM:\s+(\d+) kB$/m.exec(status) ?? [];
  if (done || kibibytes === undefined) throw new Error(`Cannot measure "${executor}": it has not started`);
  return Number(kibibytes) * 1024;
}
