/**
 * Where the parts of an object go: to a file, or in order to whoever reads a ring.
 *
 * @module
 */
import type { RingWriter } from "../io/byte_ring.ts";
import type { ByteRange } from "./object_store.ts";

/** Takes one part after the other. */
export interface PartWriter extends Disposable {
  /** Starts with a part; waits until there is room for all of it. @throws the reason of the signal */
  begin(part: ByteRange, signal: AbortSignal): Promise<void>;
  /** Writes the next bytes of the part. */
  write(chunk: Uint8Array): void;
}

/** The place of one object. */
export interface Destination {
  readonly partBytes: number;
  /** Connections at the same time. */
  readonly lanes: number;
  /** Makes a writer for one connection. */
  open(): PartWriter;
  /** Told that all bytes before `end` are there. */
  reached(end: number): void;
}

/** A file of its own, which exists and is empty. */
export function fileDestination(path: string): Destination {
  return {
    // Large enough that the time to the first byte (30 to 100 ms at S3) counts for little.
    partBytes: 8 * 1024 * 1024,
    // It is one file of many.
    lanes: 2,
    open: () => new FileWriter(path),
    reached: () => {},
  };
}

/** For what is unpacked while it arrives: all parts that are on their way fit into it. */
export const RING_BYTES = 32 * 1024 * 1024;

/**
 * The parts of an object on its way to a ring. Small enough that those in front come soon, and that those behind fit into
 * the ring. Azure can send an MD5 with ranges of up to 4 MiB: its emulator computes one for each, asked or not, which
 * takes it longer than the rest.
 */
export const RING_PART_BYTES = 5 * 1024 * 1024;

/** A ring of `RING_BYTES`. */
export function ringDestination(ring: RingWriter): Destination {
  return {
    partBytes: RING_PART_BYTES,
    lanes: 6,
    open: () => new RingPartWriter(ring),
    reached: (end) => ring.reached(end),
  };
}

class FileWriter implements PartWriter {
  readonly #file: Deno.FsFile;
  #at = 0;

  constructor(path: string) {
    this.#file = Deno.openSync(path, { write: true });
  }

  begin({ start }: ByteRange): Promise<void> {
    if (start !== this.#at) this.#file.seekSync(start, Deno.SeekMode.Start);
    this.#at = start;
    return Promise.resolve();
  }

  write(chunk: Uint8Array): void {
    // Into the page cache: handing 64 KiB to another thread takes longer than copying them.
    for (let at = 0; at < chunk.length;) at += this.#file.writeSync(chunk.subarray(at));
    this.#at += chunk.length;
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }
}

class RingPartWriter implements PartWriter {
  readonly #ring: RingWriter;
  #at = 0;

  constructor(ring: RingWriter) {
    this.#ring = ring;
  }

  async begin({ start, end }: ByteRange, signal: AbortSignal): Promise<void> {
    this.#at = start;
    if (await this.#ring.room(end)) return;
    // Nobody reads any more: why, the signal is about to tell.
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener("abort", () => resolve(), { once: true });
    });
    signal.throwIfAborted();
  }

  write(chunk: Uint8Array): void {
    this.#ring.put(this.#at, chunk);
    this.#at += chunk.length;
  }

  [Symbol.dispose](): void {}
}
