/**
 * Looks at the first bytes of a stream without losing them. A source may use its buffer again for the next piece.
 *
 * @module
 */

/** The first bytes of a stream, and the whole stream. */
export interface Peeked {
  /** As many bytes as were asked for, or fewer if there are no more. */
  readonly head: Uint8Array;
  /** All bytes, the head included, in pieces as valid as those of the source. To be read once; stopping ends the source. */
  readonly stream: AsyncIterable<Uint8Array>;
}

/** Reads until `count` bytes are there. If the returned stream is never read, the source is left open. */
export async function peek(stream: AsyncIterable<Uint8Array>, count: number): Promise<Peeked> {
  const pieces = stream[Symbol.asyncIterator]();
  const held: Uint8Array[] = [];
  let length = 0;
  while (length < count) {
    const { done, value } = await pieces.next();
    if (done === true) break;
    length += value.length;
    held.push(length < count ? value.slice() : value);
  }
  const head = new Uint8Array(Math.min(length, count));
  let at = 0;
  for (const piece of held) {
    head.set(piece.subarray(0, head.length - at), at);
    at = Math.min(head.length, at + piece.length);
  }
  return { head, stream: resume(held, pieces) };
}

async function* resume(held: readonly Uint8Array[], pieces: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* held;
    for (;;) {
      const { done, value } = await pieces.next();
      if (done === true) return;
      yield value;
    }
  } finally {
    await pieces.return?.();
  }
}
