/**
 * An object's whole content, at hand for reading in any order: in memory if it is small, else in a file.
 *
 * @module
 */
import { readAt, writeAll } from "../sys/file.ts";

/** Larger objects go to a file. */
const MEMORY_CAP_BYTES = 8 * 1024 ** 2;

const CHUNK_BYTES = 256 * 1024;

/** The content of one object. */
export type HeldObject =
  | { readonly kind: "memory"; readonly bytes: Uint8Array<ArrayBuffer>; readonly size: number }
  | { readonly kind: "file"; readonly fd: number; readonly size: number };

/** Takes bytes; they are valid only during the call. */
export type Sink = (bytes: Uint8Array<ArrayBuffer>) => void;

/** Where objects go. */
export interface ObjectPlace {
  /** Returns memory for a small object. */
  allocate(size: number): Uint8Array<ArrayBuffer>;
  /** Makes an empty file for a large one. */
  makeFile(): number;
}

/** Collects the content of one object as it is made. */
export class HeldObjectWriter {
  readonly #held: HeldObject;
  #filled = 0;

  constructor(size: number, place: ObjectPlace) {
    this.#held = size <= MEMORY_CAP_BYTES
      ? { kind: "memory", bytes: place.allocate(size), size }
      : { kind: "file", fd: place.makeFile(), size };
  }

  /** The object; complete once `room` is 0. */
  get held(): HeldObject {
    return this.#held;
  }

  /** How many bytes are still to come. */
  get room(): number {
    return this.#held.size - this.#filled;
  }

  /** Adds bytes; the caller has looked at `room`. */
  readonly push: Sink = (bytes) => {
    if (this.#held.kind === "memory") this.#held.bytes.set(bytes, this.#filled);
    else writeAll(this.#held.fd, bytes);
    this.#filled += bytes.length;
  };
}

const chunk = new Uint8Array(CHUNK_BYTES);

/** Hands a range of an object to `sink`, in pieces. */
export function readRange(
  held: HeldObject,
  range: { readonly from: number; readonly length: number },
  sink: Sink,
): void {
  const { from, length } = range;
  if (held.kind === "memory") return sink(held.bytes.subarray(from, from + length));
  for (let done = 0; done < length;) {
    const count = readAt(held.fd, chunk.subarray(0, Math.min(CHUNK_BYTES, length - done)), from + done);
    if (count === 0) throw new Error("Unreachable: a file of ours has become shorter");
    sink(chunk.subarray(0, count));
    done += count;
  }
}
