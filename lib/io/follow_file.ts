/**
 * Reading a file that somebody else is still writing.
 *
 * @module
 */
import { KilnError } from "../errors.ts";

const CHUNK_BYTES = 1 << 18;

/** Words of the shared progress: bytes written, and the state. */
const WRITTEN = 0;
const STATE = 1;

/** States of a growing file. */
const [GROWING, COMPLETE, FAILED] = [0n, 1n, 2n] as const;

/** The writer's side of a growing file's progress. */
export class FileProgress {
  /** To be sent to the reader. */
  readonly shared = new SharedArrayBuffer(16);
  readonly #words = new BigInt64Array(this.shared);

  /** Says how many bytes are in the file. */
  written(bytes: number): void {
    Atomics.store(this.#words, WRITTEN, BigInt(bytes));
    Atomics.notify(this.#words, WRITTEN);
  }

  /** Says that the file will not grow any more. */
  end(state: "complete" | "failed"): void {
    Atomics.store(this.#words, STATE, state === "complete" ? COMPLETE : FAILED);
    // What was written is of no use any more: a reader that is far behind stops, too.
    if (state === "failed") Atomics.store(this.#words, WRITTEN, 0n);
    // A reader waits on the first word: it is woken by a change of it.
    Atomics.notify(this.#words, WRITTEN);
  }
}

/**
 * Streams a file to its end, waiting where the writer has not come yet. A chunk is only valid until the next one is
 * asked for.
 *
 * @param paths where the file is; the first one may have been renamed to the second meanwhile.
 * @throws {KilnError} kind `interrupted`, if the writer says that it failed; its own error tells why.
 */
export async function* followFile(
  paths: { readonly path: string; readonly finalPath: string },
  progress: SharedArrayBuffer | undefined,
): AsyncGenerator<Uint8Array> {
  using file = openEither(paths.path, paths.finalPath);
  const words = progress === undefined ? undefined : new BigInt64Array(progress);
  const buffer = new Uint8Array(CHUNK_BYTES);
  let done = 0n;
  for (;;) {
    const written = words === undefined ? undefined : Atomics.load(words, WRITTEN);
    if (words !== undefined && written !== undefined && written <= done) {
      const state = Atomics.load(words, STATE);
      if (state === FAILED) throw new KilnError("interrupted", "Cannot read on: the download has failed");
      // The last bytes may have been announced between the two loads.
      if (state === COMPLETE && Atomics.load(words, WRITTEN) <= done) return;
      if (state === GROWING) await changeOf(words, done);
      continue;
    }
    // What lies behind may be a gap: a download in parts does not write in order.
    const there = written === undefined ? CHUNK_BYTES : Number(written - done);
    const count = file.readSync(buffer.subarray(0, Math.min(CHUNK_BYTES, there)));
    if (count === null || count === 0) {
      if (words === undefined) return;
      throw new KilnError("integrity", "Cannot read on: the file is shorter than its writer says");
    }
    done += BigInt(count);
    yield buffer.subarray(0, count);
  }
}

async function changeOf(words: BigInt64Array<SharedArrayBuffer>, done: bigint): Promise<void> {
  // The timeout is for a writer that ended between our look at the state and the wait.
  const waiting = Atomics.waitAsync(words, WRITTEN, done, 50);
  if (waiting.async) await waiting.value;
}

function openEither(path: string, finalPath: string): Deno.FsFile {
  try {
    return Deno.openSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return Deno.openSync(finalPath);
  }
}
