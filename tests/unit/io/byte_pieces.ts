/**
 * Streams of bytes for tests.
 *
 * @module
 */

/** A stream that counts what is asked of it. A piece is only valid until the next one is asked for, as of `followFile`. */
export class BytePieces {
  /** Pieces handed out. */
  given = 0;
  /** Whether the consumer ended it, by reading it all or by stopping. */
  closed = false;

  constructor(readonly bytes: Uint8Array, readonly size = bytes.length) {}

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    const piece = new Uint8Array(this.size);
    try {
      for (let at = 0; at < this.bytes.length; at += this.size) {
        await Promise.resolve();
        this.given++;
        const part = this.bytes.subarray(at, at + this.size);
        piece.fill(0xff);
        piece.set(part);
        yield piece.subarray(0, part.length);
      }
    } finally {
      this.closed = true;
    }
  }
}

/** Reads a stream to its end. */
export async function collect(stream: AsyncIterable<Uint8Array>): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array[] = [];
  for await (const part of stream) parts.push(new Uint8Array(part));
  return concat(...parts);
}

/** Joins bytes. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Returns text that compresses like text: the same for the same length. */
export function sampleText(length: number): Uint8Array<ArrayBuffer> {
  const words = ["layer", "digest", "manifest", "index", "blob", "tar", "stage", "rootfs", "the", "of", "and", "\n"];
  const bytes = new Uint8Array(length);
  let state = 12345;
  for (let at = 0; at < length;) {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    for (const char of `${words[Math.floor(state / 4096) % words.length]}${state % 1000} `) {
      if (at < length) bytes[at++] = char.charCodeAt(0);
    }
  }
  return bytes;
}
