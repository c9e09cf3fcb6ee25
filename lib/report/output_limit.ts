/**
 * A bound on what one step prints: commands that flood the log would fill the disk of whoever keeps it.
 *
 * Beyond the limit output is left out, but for the last part of each stream, which says why a command failed: it
 * follows at its end.
 *
 * @module
 */
import type { Report } from "./report.ts";

/** What of a stream beyond the limit is kept for the end. */
const TAIL_BYTES = 64 * 1024;

/** How much all streams of one step may still print. */
export class OutputBudget {
  readonly #report: Report;
  readonly #limitBytes: number;
  #usedBytes = 0;

  /** @param limitBytes 0 for no limit. */
  constructor(report: Report, limitBytes: number) {
    this.#report = report;
    this.#limitBytes = limitBytes;
  }

  /** Says whether so much may be printed; once it may not, nothing may any more. */
  spend(bytes: number): boolean {
    if (this.#limitBytes === 0) return true;
    const wasOpen = this.#usedBytes <= this.#limitBytes;
    this.#usedBytes += bytes;
    if (this.#usedBytes <= this.#limitBytes) return true;
    if (wasOpen) {
      const message = `Leaving out output beyond ${this.#limitBytes} bytes; the last lines follow at the end`;
      this.#report.message("warn", message);
    }
    return false;
  }
}

/** The last bytes of a stream. */
export class OutputTail {
  readonly #kept = new Uint8Array(TAIL_BYTES);
  /** Where the next byte goes, and how many came in all. */
  #at = 0;
  #total = 0;

  /** Takes bytes; they are copied. */
  push(bytes: Uint8Array): void {
    this.#total += bytes.length;
    let rest = bytes.length > TAIL_BYTES ? bytes.subarray(bytes.length - TAIL_BYTES) : bytes;
    while (rest.length > 0) {
      const part = rest.subarray(0, TAIL_BYTES - this.#at);
      this.#kept.set(part, this.#at);
      this.#at = (this.#at + part.length) % TAIL_BYTES;
      rest = rest.subarray(part.length);
    }
  }

  /** Returns what is kept, from the beginning of a line, and how many bytes before it are not. */
  read(): { readonly bytes: Uint8Array; readonly droppedBytes: number } {
    if (this.#total <= TAIL_BYTES) return { bytes: this.#kept.slice(0, this.#total), droppedBytes: 0 };
    const bytes = new Uint8Array(TAIL_BYTES);
    bytes.set(this.#kept.subarray(this.#at));
    bytes.set(this.#kept.subarray(0, this.#at), TAIL_BYTES - this.#at);
    const line = bytes.indexOf(0x0a) + 1;
    return { bytes: bytes.subarray(line), droppedBytes: this.#total - TAIL_BYTES + line };
  }
}
