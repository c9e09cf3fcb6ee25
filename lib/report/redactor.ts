/**
 * Hiding known secrets in bytes and text.
 *
 * A redactor learns secrets while the build runs, when they are read; whoever reads one adds it before anything can
 * print it. `redact_stream.ts` hides them in streams that arrive in chunks, `redact.ts` in everything a report prints.
 *
 * All searching is done in byte strings (one character, 0 to 255, per byte): in 64 KiB chunks and for 27 needles Deno
 * searches buffers at 7 MB/s and strings at 1300 MB/s (measured, Deno 2.9.6).
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { formsOfSecret, SHORTEST_MASKED, withoutTrailingBreaks } from "./secret_forms.ts";

/** What stands in the place of a secret; BuildKit's mask. */
export const MASK = "****";

/** Part of a text: from `start` up to, not including, `end`. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** The secrets known so far, and how to hide them. */
export class Redactor {
  #needles: readonly string[] = [];
  #wholeLines: ReadonlySet<string> = new Set();
  /** Matches wherever a needle might begin: one quick pass that most lines need nothing after. */
  #beginnings: RegExp | undefined;

  /** Hides this value from now on, in all forms that `secret_forms.ts` lists. */
  add(secret: Uint8Array | string): void {
    const bytes = typeof secret === "string" ? Buffer.from(secret, "utf8") : Buffer.from(secret);
    const value = withoutTrailingBreaks(bytes.toString("latin1"));
    if (value === "") return;
    if (value.length < SHORTEST_MASKED) this.#wholeLines = new Set([...this.#wholeLines, value]);
    this.#needles = [...new Set([...this.#needles, ...formsOfSecret(bytes)])];
    if (this.#needles.length > 0) this.#beginnings = beginningsOf(this.#needles);
  }

  /** The byte strings to hide. */
  get needles(): readonly string[] {
    return this.#needles;
  }

  /** Returns the line with every secret in it masked; the same bytes if there is none. */
  line(line: Uint8Array): Uint8Array {
    if (this.#wholeLines.size === 0 && this.#beginnings === undefined) return line;
    const text = byteStringOf(line);
    if (this.#wholeLines.has(text)) return Buffer.from(MASK);
    const spans = this.find(text);
    return spans.length === 0 ? line : Buffer.from(mask(text, spans), "latin1");
  }

  /** Returns the text with every secret in it masked. */
  text(text: string): string {
    if (this.#wholeLines.size === 0 && this.#beginnings === undefined) return text;
    const bytes = Buffer.from(text, "utf8");
    const masked = this.line(bytes);
    return masked === bytes ? text : Buffer.from(masked).toString("utf8");
  }

  /** Finds all secrets in a byte string; overlapping finds are one span. Sorted by start. */
  find(text: string): readonly Span[] {
    if (this.#beginnings?.test(text) !== true) return [];
    const found: Span[] = [];
    for (const needle of this.#needles) {
      // One step further, not one needle further: "aaaa" is twice in "aaaaa", and all five must go.
      for (let at = text.indexOf(needle); at >= 0; at = text.indexOf(needle, at + 1)) {
        found.push({ start: at, end: at + needle.length });
      }
    }
    return mergeSpans(found);
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

/** Returns the byte string of bytes, whose memory is only read. */
export function byteStringOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}

/** How much of each needle the quick pass looks for. */
const BEGINNING = 8;

function beginningsOf(needles: readonly string[]): RegExp {
  const beginnings = new Set(needles.map((needle) => needle.slice(0, BEGINNING)));
  return new RegExp([...beginnings].map((text) => text.replace(/[^A-Za-z0-9]/g, escapeOne)).join("|"));
}

function escapeOne(char: string): string {
  return `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`;
}

function mask(text: string, spans: readonly Span[]): string {
  let masked = "";
  let at = 0;
  for (const { start, end } of spans) {
    masked += text.slice(at, start) + MASK;
    at = end;
  }
  return masked + text.slice(at);
}
