/**
 * A stream of bytes from one thread to another, through a piece of shared memory that both go round and round.
 *
 * The writer waits when the reader is a whole ring behind; nothing is written to disk, and nothing is left to the
 * collector: messages with buffers cost two of them a chunk.
 *
 * @module
 */
import { KilnError } from "../errors.ts";

/** Words at the start: bytes written and read, both modulo 2^32, and a state of each side. */
const [WRITTEN, READ, WRITER, READER] = [0, 1, 2, 3] as const;
const WORDS = 4;
const HEAD_BYTES = 4 * WORDS;

/** States of the two sides. */
const [RUNNING, COMPLETE, FAILED] = [0, 1, 2] as const;

/** Enough for a reader that is held up by the disk for a moment; a power of two. */
const RING_BYTES = 4 * 1024 * 1024;

/** What is handed out at a time; large, as each is a system call or more to whoever writes it to files. */
const CHUNK_BYTES = 512 * 1024;

/** For a side that ended between our look at its state and the wait. */
const LOOK_AGAIN_MS = 50;

/** The writer's side: bytes in order (`write`), or parts of what is to come (`room`, `put`, `reached`). */
export class RingWriter {
  /** To be sent to the reader. */
  readonly shared: SharedArrayBuffer;
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #bytes: Uint8Array<SharedArrayBuffer>;
  /** Bytes announced and, as far as we have seen, read; beyond 2^32. */
  #written = 0;
  #read = 0;
  #abandoned = false;

  /** @param ringBytes how much is between the two at most; a power of two. */
  constructor(ringBytes = RING_BYTES) {
    this.shared = new SharedArrayBuffer(HEAD_BYTES + ringBytes);
    this.#words = new Int32Array(this.shared, 0, WORDS);
    this.#bytes = new Uint8Array(this.shared, HEAD_BYTES);
  }

  /** Writes a chunk; waits for room. @returns false once nobody reads any more */
  async write(chunk: Uint8Array): Promise<boolean> {
    for (let done = 0; done < chunk.length;) {
      const count = Math.min(chunk.length - done, this.#bytes.length >>> 1);
      if (!await this.room(this.#written + count)) return false;
      this.put(this.#written, chunk.subarray(done, done + count));
      this.reached(this.#written + count);
      done += count;
    }
    return true;
  }

  /**
   * Waits until there is room for all bytes before `end`, which is no further than the ring is long from what is read
   * next, some day. @returns false once nobody reads any more
   */
  async room(end: number): Promise<boolean> {
    for (;;) {
      if (this.#abandoned || Atomics.load(this.#words, READER) !== RUNNING) return false;
      const read = Atomics.load(this.#words, READ);
      this.#read += (read - (this.#read | 0)) >>> 0;
      if (end - this.#read <= this.#bytes.length) return true;
      await changeOf(this.#words, READ, read);
    }
  }

  /** Puts bytes where they belong, once there is room for them. */
  put(at: number, chunk: Uint8Array): void {
    const start = at % this.#bytes.length;
    const first = chunk.subarray(0, this.#bytes.length - start);
    this.#bytes.set(first, start);
    this.#bytes.set(chunk.subarray(first.length), 0);
  }

  /** Says that all bytes before `end` are there. */
  reached(end: number): void {
    this.#written = end;
    Atomics.store(this.#words, WRITTEN, end | 0);
    Atomics.notify(this.#words, WRITTEN);
  }

  /** Says that there is no more. */
  end(state: "complete" | "failed"): void {
    Atomics.store(this.#words, WRITER, state === "complete" ? COMPLETE : FAILED);
    Atomics.notify(this.#words, WRITTEN);
  }

  /** Ends the waiting for a reader that is gone without saying so. */
  abandon(): void {
    this.#abandoned = true;
    Atomics.notify(this.#words, READ);
  }
}

/**
 * Streams what is written into a ring. A chunk is only valid until the next one is asked for. Leaving the loop early ends
 * the writer's waiting.
 *
 * @throws {KilnError} kind `interrupted`, if the writer says that it failed; its own error tells why.
 */
export async function* readRing(shared: SharedArrayBuffer): AsyncGenerator<Uint8Array> {
  const words = new Int32Array(shared, 0, WORDS);
  const bytes = new Uint8Array(shared, HEAD_BYTES);
  const chunk = new Uint8Array(Math.min(CHUNK_BYTES, bytes.length));
  try {
    for (;;) {
      // What was written before the state was set is seen after it.
      const state = Atomics.load(words, WRITER);
      if (state === FAILED) throw new KilnError("interrupted", "Cannot read on: the download has failed");
      const written = Atomics.load(words, WRITTEN);
      const read = Atomics.load(words, READ);
      const at = (read >>> 0) % bytes.length;
      const count = Math.min(written - read >>> 0, bytes.length - at, chunk.length);
      if (count === 0) {
        if (state === COMPLETE) return;
        await changeOf(words, WRITTEN, written);
        continue;
      }
      chunk.set(bytes.subarray(at, at + count));
      Atomics.store(words, READ, read + count | 0);
      Atomics.notify(words, READ);
      yield chunk.subarray(0, count);
    }
  } finally {
    Atomics.store(words, READER, COMPLETE);
    Atomics.notify(words, READ);
  }
}

async function changeOf(words: Int32Array<SharedArrayBuffer>, index: number, from: number): Promise<void> {
  const waiting = Atomics.waitAsync(words, index, from, LOOK_AGAIN_MS);
  if (waiting.async) await waiting.value;
}
