/**
 * Reads xz streams, by xz-embedded in WebAssembly (npm:xz-decompress).
 *
 * That decoder knows LZMA2 alone, with no check, CRC32 or CRC64, and dictionaries up to 64 MiB: all that `xz -9` and
 * below write, several streams and padding included. The rest is refused with a reason. It decodes one stream at a time
 * per thread; a second one waits until the first has been read or given up.
 *
 * @module
 */
import { corrupt } from "./corrupt.ts";
import { INPUT_PIECE_BYTES } from "./piece_sizes.ts";
import { slicePieces } from "./slice_pieces.ts";

/** The part of npm:xz-decompress that is used. */
interface XzModule {
  readonly XzReadableStream?: new (compressed: ReadableStream<Uint8Array>) => ReadableStream<Uint8Array>;
}

/** What `enum xz_ret` of xz-embedded means, as far as it is an error. */
const FAULTS: ReadonlyMap<string, string> = new Map([
  ["3", "there is not enough memory"],
  ["4", "its dictionary exceeds 64 MiB"],
  ["5", "it is not xz"],
  ["6", "it needs a filter or a check other than LZMA2 with CRC32 or CRC64"],
  ["7", "it is damaged"],
  ["8", "it is truncated or followed by something else"],
]);
const HINTS: ReadonlyMap<string, string> = new Map([
  ["4", 'compress it again with "xz -9" or less'],
  ["6", "compress it again with the default options of xz"],
]);

/** Decompresses xz. @throws {KilnError} integrity for anything but a complete stream of the supported kinds */
export async function* unxz(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const source = new Source(slicePieces(stream, INPUT_PIECE_BYTES));
  const XzReadableStream = await loadDecoder();
  const reader = new XzReadableStream(source.stream).getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      if (value.length > 0) yield value;
    }
  } catch (error) {
    if (source.failure !== undefined) throw source.failure.error;
    throw error instanceof Error ? explain(error, source) : error;
  } finally {
    // frees the decoder for the next stream of this thread
    await reader.cancel().catch(() => {});
    await source.close();
  }
}

async function loadDecoder(): Promise<NonNullable<XzModule["XzReadableStream"]>> {
  // A CommonJS module: Deno puts its exports into `default`, `deno bundle` does not.
  const module: XzModule & { readonly default?: XzModule } = await import("xz-decompress");
  const decoder = module.XzReadableStream ?? module.default?.XzReadableStream;
  if (decoder === undefined) throw new Error("xz-decompress has no XzReadableStream");
  return decoder;
}

function explain(error: Error, source: Source): Error {
  const code = /failed with error code (\d+)/.exec(error.message)?.[1] ?? "";
  const hint = HINTS.get(code);
  // the decoder fails on empty input with an error of its own making
  const found = source.empty ? "it is truncated" : FAULTS.get(code) ?? error.message;
  return corrupt("xz", found, { cause: error, ...(hint === undefined ? {} : { hint }) });
}

/** Gives an iterable of pieces the form the decoder wants, and keeps the error it fails with. */
class Source {
  readonly stream: ReadableStream<Uint8Array>;
  readonly #pieces: AsyncIterator<Uint8Array>;
  failure: { readonly error: unknown } | undefined;
  empty = true;

  constructor(pieces: AsyncGenerator<Uint8Array>) {
    this.#pieces = pieces;
    this.stream = new ReadableStream<Uint8Array>({
      pull: async (controller) => {
        try {
          const { done, value } = await this.#pieces.next();
          if (done === true) controller.close();
          else {
            this.empty = false;
            controller.enqueue(value);
          }
        } catch (error) {
          this.failure = { error };
          throw error;
        }
      },
    }, { highWaterMark: 0 });
  }

  /** Ends the source, read to its end or not. */
  async close(): Promise<void> {
    await this.#pieces.return?.();
  }
}
