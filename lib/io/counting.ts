/**
 * A tap on a stream: its length, taken while it flows.
 *
 * @module
 */

/** A stream and how many of its bytes have passed. */
export interface Counted {
  readonly stream: AsyncIterable<Uint8Array>;
  /** Bytes that have passed so far. */
  count(): number;
}

/** Counts the bytes of a stream. */
export function counting(stream: AsyncIterable<Uint8Array>): Counted {
  let bytes = 0;
  async function* tap(): AsyncGenerator<Uint8Array> {
    for await (const piece of stream) {
      bytes += piece.length;
      yield piece;
    }
  }
  return { stream: tap(), count: () => bytes };
}
