/**
 * Hiding secrets in a stream of bytes, also where a chunk ends in the middle of one (attack S67).
 *
 * What might be the beginning of a secret is held back until the next chunk or the end, never more than
 * `LONGEST_NEEDLE` bytes. Nothing else waits: a chunk that ends in no beginning of a secret passes whole.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { byteStringOf, MASK, mergeSpans, type Redactor, type Span } from "./redactor.ts";

/** Receives the bytes in which nothing secret is left. They are only valid during the call. */
export type ByteReceiver = (bytes: Uint8Array) => void;

/** Hides secrets in one stream. */
export class StreamRedactor {
  readonly #redactor: Redactor;
  readonly #next: ByteReceiver;
  /** A byte string. */
  #held = "";
  /** How many of the held bytes belong to a secret whose mask was already passed on. */
  #masked = 0;

  constructor(redactor: Redactor, next: ByteReceiver) {
    this.#redactor = redactor;
    this.#next = next;
  }

  /** Takes the next chunk; it is not kept after the call. */
  write(chunk: Uint8Array): void {
    const { needles } = this.#redactor;
    if (this.#held === "" && needles.length === 0) return this.#next(chunk);
    const text = this.#held + byteStringOf(chunk);
    const spans = this.#spansOf(text);
    const hold = tailToHold(text, needles);
    if (this.#held === "" && spans.length === 0 && hold === 0) return this.#next(chunk);
    this.#pass(text, spans, text.length - hold);
  }

  /** Passes on what was held back. */
  end(): void {
    this.#pass(this.#held, this.#spansOf(this.#held), this.#held.length);
  }

  #spansOf(text: string): readonly Span[] {
    const found = this.#redactor.find(text);
    return this.#masked === 0 ? found : mergeSpans([{ start: 0, end: this.#masked }, ...found]);
  }

  /** Passes on what stands before `until` and holds the rest. */
  #pass(text: string, spans: readonly Span[], until: number): void {
    let passed = "";
    let at = 0;
    let masked = 0;
    for (const { start, end } of spans) {
      const announced = start === 0 && this.#masked > 0;
      if (start >= until && !announced) break;
      passed += text.slice(at, start) + (announced ? "" : MASK);
      at = Math.min(end, until);
      masked = Math.max(0, end - until);
    }
    passed += text.slice(at, until);
    this.#masked = masked;
    this.#held = text.slice(until);
    if (passed !== "") this.#next(Buffer.from(passed, "latin1"));
  }
}

/** Returns the length of the longest end of `text` that is the beginning, but not the whole, of a needle. */
function tailToHold(text: string, needles: readonly string[]): number {
  return needles.reduce((longest, needle) => Math.max(longest, overlap(text, needle)), 0);
}

/** Tries each place in the tail where the needle's first byte stands, from the left, so the longest overlap wins. */
function overlap(text: string, needle: string): number {
  const tail = text.slice(Math.max(0, text.length - needle.length + 1));
  const first = needle.charAt(0);
  for (let at = tail.indexOf(first); at >= 0; at = tail.indexOf(first, at + 1)) {
    if (needle.startsWith(tail.slice(at))) return tail.length - at;
  }
  return 0;
}
