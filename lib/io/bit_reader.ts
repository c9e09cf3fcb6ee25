/**
 * Reads bits, the most significant of each byte first, from bytes that are appended as they arrive.
 *
 * @module
 */

/** How far beyond the end reading may go before it stops: a Huffman code is looked up in 20 bits, needed or not. */
const MAX_OVERRUN = 8;

/** Thrown when there are not enough bytes. */
export class OutOfBits extends Error {
  override readonly name = "OutOfBits";
}

/** A window of bytes and a position in it, in bits. */
export class BitReader {
  #bytes: Uint8Array<ArrayBuffer>;
  #length = 0;
  /** The next byte to load; those before are in `#buffer` or consumed. */
  #at = 0;
  #buffer = 0;
  #bits = 0;

  /** @param capacity Bytes that can be held at once. */
  constructor(capacity: number) {
    this.#bytes = new Uint8Array(capacity);
  }

  /** Bytes not yet consumed, those begun included. */
  get available(): number {
    return this.#length - this.#at + Math.ceil(this.#bits / 8);
  }

  /** Adds bytes at the end. The caller sees to it that they fit beside those available. */
  append(piece: Uint8Array): void {
    if (this.#length + piece.length > this.#bytes.length) {
      this.#bytes.copyWithin(0, this.#at, this.#length);
      this.#length -= this.#at;
      this.#at = 0;
    }
    this.#bytes.set(piece, this.#length);
    this.#length += piece.length;
  }

  /** Reads up to 24 bits as a number. @throws {OutOfBits} */
  read(count: number): number {
    const value = this.peek(count);
    this.skip(count);
    this.check();
    return value;
  }

  /** Returns up to 24 bits without consuming them; beyond the end they are 0. @throws {OutOfBits} well beyond it */
  peek(count: number): number {
    while (this.#bits < count) {
      if (this.#at >= this.#length + MAX_OVERRUN) throw new OutOfBits();
      this.#buffer = (this.#buffer << 8) | (this.#at < this.#length ? this.#bytes[this.#at] ?? 0 : 0);
      this.#at++;
      this.#bits += 8;
    }
    return (this.#buffer >>> (this.#bits - count)) & ((1 << count) - 1);
  }

  /** Consumes bits that were peeked at. */
  skip(count: number): void {
    this.#bits -= count;
  }

  /** Consumes the rest of a byte begun. */
  align(): void {
    this.#bits -= this.#bits % 8;
  }

  /** Checks that nothing beyond the end was consumed. @throws {OutOfBits} */
  check(): void {
    if ((this.#length - this.#at) * 8 + this.#bits < 0) throw new OutOfBits();
  }
}
