/**
 * Cuts the pieces of a stream to a bounded size.
 *
 * @module
 */

/** Yields the same bytes in pieces of at most `maxBytes`, none of them empty. The pieces are views. */
export async function* slicePieces(stream: AsyncIterable<Uint8Array>, maxBytes: number): AsyncGenerator<Uint8Array> {
  for await (const piece of stream) {
    for (let at = 0; at < piece.length; at += maxBytes) yield piece.subarray(at, at + maxBytes);
  }
}
