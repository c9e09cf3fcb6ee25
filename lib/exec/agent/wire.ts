/**
 * Data as ssh writes it: numbers and strings, each string with its length in front (RFC 4251, 5).
 *
 * @module
 */
import { Buffer } from "node:buffer";

/** Reads fields one after the other. @throws {RangeError} beyond the end */
export class WireReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  uint32(): number {
    const value = this.#bytes.readUInt32BE(this.#at);
    this.#at += 4;
    return value;
  }

  string(): Buffer {
    return this.bytes(this.uint32());
  }

  text(): string {
    return this.string().toString("utf8");
  }

  bytes(length: number): Buffer {
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new RangeError("The field is longer than the data");
    const found = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return found;
  }

  /** What has not been read. */
  get rest(): number {
    return this.#bytes.length - this.#at;
  }
}

/** Writes a number. */
export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** Writes a string. */
export function wireString(content: Uint8Array | string): Buffer {
  const bytes = typeof content === "string" ? Buffer.from(content) : content;
  return Buffer.concat([uint32(bytes.length), bytes]);
}

/** Writes a whole number that is not negative, given by its bytes, the most significant first. */
export function wireNumber(bytes: Uint8Array): Buffer {
  let start = 0;
  while (start < bytes.length && bytes[start] === 0) start++;
  const digits = bytes.subarray(start);
  const sign = (digits[0] ?? 0) >= 0x80 ? [0] : [];
  return wireString(Buffer.concat([Buffer.from(sign), digits]));
}
