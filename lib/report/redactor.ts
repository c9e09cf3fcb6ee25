/**
 * Hiding known secrets in bytes and text.
 *
 * A redactor learns secrets while the build runs, when they are read; whoever reads one adds it before anything can
 * print it. `redact_stream.ts` hides them in streams that arrive in chunks, `redact.ts` in everything a report prints.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { formsOfSecret, SHORTEST_MASKED, withoutTrailingBreaks } from "./secret_forms.ts";

/** What stands in the place of a secret; BuildKit's mask. */
export const MASK = "****";

const MASK_BYTES = Buffer.from(MASK);

/** Part of a buffer: from `start` up to, not including, `end`. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** The secrets known so far, and how to hide them. */
export class Redactor {
  #needles: readonly Buffer[] = [];
  #wholeLines: ReadonlySet<string> = new Set();

  /** Hides this value from now on, in all forms that `secret_forms.ts` lists. */
  add(secret: Uint8Array | string): void {
    const bytes = typeof secret === "string" ? Buffer.from(secret, "utf8") : Buffer.from(secret);
    const bare = withoutTrailingBreaks(bytes);
    if (bare.length === 0) return;
    if (bare.length < SHORTEST_MASKED) this.#wholeLines = new Set([...this.#wholeLines, bare.toString("latin1")]);
    const known = new Set(this.#needles.map((needle) => needle.toString("latin1")));
    const fresh = formsOfSecret(bytes).filter((form) => !known.has(form.toString("latin1")));
    this.#needles = [...this.#needles, ...fresh];
  }

  /** The byte sequences to hide. */
  get needles(): readonly Buffer[] {
    return this.#needles;
  }

  /** Returns the line with every secret in it masked; the same bytes if there is none. */
  line(line: Uint8Array): Uint8Array {
    if (this.#wholeLines.size > 0 && this.#wholeLines.has(viewOf(line).toString("latin1", 0, SHORTEST_MASKED))) {
      return MASK_BYTES;
    }
    const spans = this.find(viewOf(line));
    return spans.length === 0 ? line : mask(viewOf(line), spans);
  }

  /** Returns the text with every secret in it masked. */
  text(text: string): string {
    if (this.#needles.length === 0 && this.#wholeLines.size === 0) return text;
    const bytes = Buffer.from(text, "utf8");
    const masked = this.line(bytes);
    return masked === bytes ? text : Buffer.from(masked).toString("utf8");
  }

  /** Finds all secrets; overlapping finds are one span. Sorted by start. */
  find(bytes: Buffer): readonly Span[] {
    const found: Span[] = [];
    for (const needle of this.#needles) {
      // One step further, not one needle further: "aaaa" is twice in "aaaaa", and all five must go.
      for (let at = bytes.indexOf(needle); at >= 0; at = bytes.indexOf(needle, at + 1)) {
        found.push({ start: at, end: at + needle.length });
      }
    }
    return found.length < 2 ? found : mergeSpans(found);
  }
}

/** Returns spans in order, those that overlap joined. */
export function mergeSpans(spans: readonly Span[]): readonly Span[] {
  const merged: Span[] = [];
  for (const span of [...spans].sort((a, b) => a.start - b.start)) {
    const last = merged.at(-1);
    if (last !== undefined && span.start < last.end) {
      merged[merged.length - 1] = { start: last.start, end: Math.max(last.end, span.end) };
    } else merged.push(span);
  }
  return merged;
}

function mask(bytes: Buffer, spans: readonly Span[]): Buffer {
  const parts: Buffer[] = [];
  let at = 0;
  for (const { start, end } of spans) {
    parts.push(bytes.subarray(at, start), MASK_BYTES);
    at = end;
  }
  return Buffer.concat([...parts, bytes.subarray(at)]);
}

function viewOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
