/**
 * Hiding secrets in a stream of bytes, also where a chunk ends in the middle of one (attack S67).
 *
 * What might be the beginning of a secret is held back until the next chunk or the end, never more than
 * `LONGEST_NEEDLE` bytes. Nothing else waits: a chunk that ends in no beginning of a secret passes whole.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { MASK, mergeSpans, type Redactor, type Span } from "./redactor.ts";

/** Receives the bytes in which nothing secret is left. */
export type ByteReceiver = (bytes: Uint8Array) => void;

/** Hides secrets in one stream. */
export class StreamRedactor {
  readonly #redactor: Redactor;
  readonly #next: ByteReceiver;
  #held: Buffer = Buffer.alloc(0);
  /** How many of the held bytes belong to a secret whose mask was already passed on. */
  #masked = 0;

  constructor(redactor: Redactor, next: ByteReceiver) {
    this.#redactor = redactor;
    this.#next = next;
  }

  /** Takes the next chunk; it is not kept after the call. */
  write(chunk: Uint8Array): void {
    if (this.#held.length === 0 && this.#redactor.needles.length === 0) return this.#next(chunk);
    const bytes = Buffer.concat([this.#held, chunk]);
    this.#pass(bytes, bytes.length - tailToHold(bytes, this.#redactor.needles));
  }

  /** Passes on what was held back. */
  end(): void {
    this.#pass(this.#held, this.#held.length);
  }

  /** Passes on the bytes before `until` and holds the others. */
  #pass(bytes: Buffer, until: number): void {
    const before: readonly Span[] = this.#masked === 0 ? [] : [{ start: 0, end: this.#masked }];
    const spans = mergeSpans([...before, ...this.#redactor.find(bytes)]);
    const parts: Buffer[] = [];
    let at = 0;
    let masked = 0;
    for (const { start, end } of spans) {
      const announced = start === 0 && this.#masked > 0;
      if (start >= until && !announced) break;
      parts.push(bytes.subarray(at, start), ...(announced ? [] : [Buffer.from(MASK)]));
      at = Math.min(end, until);
      masked = Math.max(0, end - until);
    }
    parts.push(bytes.subarray(at, until));
    this.#masked = masked;
    // A copy: the caller may use the memory of the chunk again.
    this.#held = Buffer.from(bytes.subarray(until));
    const passed = Buffer.concat(parts);
    if (passed.length > 0) this.#next(passed);
  }
}

/** Returns the length of the longest end of `bytes` that is the beginning, but not the whole, of a needle. */
function tailToHold(bytes: Buffer, needles: readonly Buffer[]): number {
  let longest = 0;
  for (const needle of needles) longest = Math.max(longest, overlap(bytes, needle));
  return longest;
}

/** Tries each place in the tail where the needle's first byte stands, from the left, so the longest overlap wins. */
function overlap(bytes: Buffer, needle: Buffer): number {
  const first = needle[0];
  if (first === undefined) return 0;
  const earliest = Math.max(0, bytes.length - needle.length + 1);
  for (let at = bytes.indexOf(first, earliest); at >= 0; at = bytes.indexOf(first, at + 1)) {
    const length = bytes.length - at;
    if (bytes.compare(needle, 0, length, at) === 0) return length;
  }
  return 0;
}
