/**
 * Taps on a stream: its digest and its length, taken while it flows.
 *
 * @module
 */
import { createHash } from "node:crypto";

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

/** What flowed through a stream. */
export interface StreamDigest {
  /** SHA-256 in lower-case hexadecimal. */
  readonly sha256: string;
  readonly size: number;
}

/** A stream and the digest of what flows through it. */
export interface Digesting {
  readonly stream: AsyncIterable<Uint8Array>;
  /** The digest of the whole. @throws {Error} before the stream has been read to its end */
  result(): StreamDigest;
}

/** Digests a stream. */
export function digesting(stream: AsyncIterable<Uint8Array>): Digesting {
  const hash = createHash("sha256");
  let size = 0;
  let result: StreamDigest | undefined;
  async function* tap(): AsyncGenerator<Uint8Array> {
    for await (const piece of stream) {
      hash.update(piece);
      size += piece.length;
      yield piece;
    }
    result = { sha256: hash.digest("hex"), size };
  }
  return {
    stream: tap(),
    result: () => {
      if (result === undefined) throw new Error("The stream has not been read to its end");
      return result;
    },
  };
}
