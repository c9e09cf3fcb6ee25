/**
 * Drives a stream of `node:zlib` one piece at a time, without anything running in the background.
 *
 * The usual pipe pulls from its source while the consumer works. Here the source is only asked for more when all output
 * of the piece before has been taken, so a consumer that stops early leaves no read pending and no promise behind.
 *
 * @module
 */
import type { Transform } from "node:stream";
import { OUTPUT_PIECE_BYTES } from "./piece_sizes.ts";
import { releaseFilled } from "./release_buffer.ts";

/**
 * A decompressor whose chunks are of `OUTPUT_PIECE_BYTES`, fed step by step. A piece of output is only valid until the
 * next one is asked for. Call `destroy` when done with it, early or not.
 */
export class ZlibSteps {
  readonly #engine: Transform;
  #failure: Error | undefined;
  #ended = false;
  #wake: (() => void) | undefined;

  constructor(engine: Transform) {
    this.#engine = engine;
    const wake = () => this.#wake?.();
    engine.on("readable", wake);
    engine.on("close", wake);
    engine.on("end", () => {
      this.#ended = true;
      wake();
    });
    engine.on("error", (error: Error) => {
      this.#failure = error;
      wake();
    });
  }

  /** Feeds a piece and yields all output it has. @throws the error of the engine */
  async *write(piece: Uint8Array): AsyncGenerator<Uint8Array> {
    let taken = false;
    this.#engine.write(piece, () => {
      taken = true;
      this.#wake?.();
    });
    yield* this.#drain(() => taken);
  }

  /** Says that there is no more input, and yields the rest of the output. @throws the error of the engine */
  async *end(): AsyncGenerator<Uint8Array> {
    this.#engine.end();
    yield* this.#drain(() => this.#ended);
  }

  /** Frees the engine. */
  destroy(): void {
    this.#engine.destroy();
  }

  async *#drain(done: () => boolean): AsyncGenerator<Uint8Array> {
    for (;;) {
      // a Transform in byte mode reads as Buffers
      const output: Uint8Array | null = this.#engine.read();
      if (output !== null) {
        yield output;
        releaseFilled(output, OUTPUT_PIECE_BYTES);
        continue;
      }
      if (this.#failure !== undefined) throw this.#failure;
      if (done()) return;
      await new Promise<void>((resolve) => this.#wake = resolve);
      this.#wake = undefined;
    }
  }
}
