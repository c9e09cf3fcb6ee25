/**
 * Inflating the zlib streams of a pack, one after the other, synchronously and without allocating.
 *
 * A pack says how long an object is inflated, not where its stream ends: only the decompressor knows how much input it
 * took. Of Node's public calls only `inflateSync(..., { info: true })` tells, which makes a new engine and buffers for
 * every object (55 us each; 100,000 objects are a small repository) and wants its input whole. So this drives the
 * engine's own handle, as Node's synchronous calls do; the runtime is pinned, and the constructor checks the shape.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { createInflate } from "node:zlib";

/** What `writeSync` of the handle takes: flush, input with offset and length, output with offset and length. */
interface Handle {
  reset(): void;
  close(): void;
  writeSync(flush: number, ...buffers: readonly [Uint8Array, number, number, Uint8Array, number, number]): void;
  onerror: (message: string) => void;
}

const OUTPUT_BYTES = 128 * 1024;

/** How far one stream is. */
export interface InflateStep {
  /** Bytes of input that were taken. */
  readonly taken: number;
  /** Valid until the next step. */
  readonly output: Uint8Array<ArrayBuffer>;
  /** The stream is complete; what was not taken belongs to somebody else. */
  readonly ended: boolean;
}

/** Inflates one zlib stream at a time. */
export class Inflater implements Disposable {
  readonly #handle: Handle;
  /** Bytes left of output and input after a call, as the engine writes them. */
  readonly #left: Uint32Array;
  readonly #output = Buffer.alloc(OUTPUT_BYTES);
  #failure: string | undefined;

  constructor() {
    const engine: unknown = createInflate();
    if (!isEngine(engine)) throw new Error("Unreachable: the runtime's zlib has another shape");
    this.#handle = engine._handle;
    this.#left = engine._writeState;
    this.#handle.onerror = (message) => this.#failure = message;
  }

  /** Starts with another stream. */
  reset(): void {
    this.#failure = undefined;
    this.#handle.reset();
  }

  /**
   * Takes input from `from` on and returns what it gives, at most 128 KiB at a time. Call it again with what was not
   * taken; without output and with all input taken, it needs more input.
   *
   * @throws {Error} for what is not a zlib stream, with zlib's words.
   */
  step(input: Uint8Array, from: number): InflateStep {
    const available = input.length - from;
    this.#handle.writeSync(0, input, from, available, this.#output, 0, OUTPUT_BYTES);
    if (this.#failure !== undefined) throw new Error(this.#failure);
    const [outputLeft = 0, inputLeft = 0] = this.#left;
    return {
      taken: available - inputLeft,
      output: this.#output.subarray(0, OUTPUT_BYTES - outputLeft),
      // Room and input left over: only a finished stream stops there.
      ended: inputLeft > 0 && outputLeft > 0,
    };
  }

  /** Frees the engine. */
  [Symbol.dispose](): void {
    this.#handle.close();
  }
}

function isEngine(engine: unknown): engine is { readonly _handle: Handle; readonly _writeState: Uint32Array } {
  if (typeof engine !== "object" || engine === null || !("_handle" in engine) || !("_writeState" in engine)) {
    return false;
  }
  const { _handle: handle, _writeState: left } = engine;
  return left instanceof Uint32Array && typeof handle === "object" && handle !== null && "writeSync" in handle &&
    "reset" in handle && "close" in handle;
}
