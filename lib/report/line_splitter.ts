/**
 * Bytes to lines, with bounded memory.
 *
 * A line ends with LF or CRLF. Within a line a lone CR is what progress bars use to draw over what stands there: of
 * such a line only the last drawing is kept, as a terminal would show it in the end; a log with a line for every per
 * cent helps no one. A line longer than `LONGEST_LINE` is passed on in pieces, each as a line of its own, broken
 * between UTF-8 characters where there are any.
 *
 * @module
 */
import { Buffer } from "node:buffer";

/** The longest line that is passed on as one, in bytes; the size at which Docker's log drivers split too. */
export const LONGEST_LINE = 16 * 1024;

/** Receives one line without its end. The bytes are only valid during the call. */
export type LineReceiver = (line: Uint8Array) => void;

const LF = 0x0a;
const CR = 0x0d;

/** Splits one stream into lines. */
export class LineSplitter {
  readonly #next: LineReceiver;
  readonly #buffer = Buffer.alloc(LONGEST_LINE);
  #length = 0;
  /** Whether a piece of the current line was passed on already. */
  #broken = false;

  constructor(next: LineReceiver) {
    this.#next = next;
  }

  /** Takes the next chunk; it is not kept after the call. */
  write(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length) {
      const found = chunk.indexOf(LF, at);
      const end = found < 0 ? chunk.length : found;
      this.#append(chunk.subarray(at, end));
      if (found >= 0) this.#endLine();
      at = end + 1;
    }
  }

  /** Passes on the last line if it has no line end. */
  end(): void {
    if (this.#length > 0) this.#endLine();
  }

  #append(bytes: Uint8Array): void {
    let rest = bytes;
    while (rest.length > 0) {
      if (this.#length === LONGEST_LINE) this.#makeRoom();
      const part = rest.subarray(0, LONGEST_LINE - this.#length);
      this.#buffer.set(part, this.#length);
      this.#length += part.length;
      rest = rest.subarray(part.length);
    }
  }

  /** Forgets drawings that were drawn over; if there are none, passes a piece on. */
  #makeRoom(): void {
    const held = this.#buffer.subarray(0, this.#length);
    const cr = held.lastIndexOf(CR, held.length - 2);
    const cut = cr >= 0 ? cr + 1 : wholeCharacters(held);
    if (cr < 0) {
      this.#next(held.at(-1) === CR ? held.subarray(0, -1) : held.subarray(0, cut));
      this.#broken = true;
    }
    this.#buffer.copyWithin(0, cut, this.#length);
    this.#length -= cut;
  }

  #endLine(): void {
    let end = this.#length;
    while (end > 0 && this.#buffer[end - 1] === CR) end--;
    const held = this.#buffer.subarray(0, end);
    const line = held.subarray(held.lastIndexOf(CR) + 1);
    // The end of a broken line is not a line of its own when nothing but the line end was left.
    if (line.length > 0 || !this.#broken) this.#next(line);
    this.#length = 0;
    this.#broken = false;
  }
}

/** Returns how many bytes to pass on so that no UTF-8 character is cut in two; all of them if this is not UTF-8. */
function wholeCharacters(bytes: Buffer): number {
  for (let back = 1; back <= 4; back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if ((byte & 0xc0) === 0x80) continue;
    const wanted = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return wanted > back ? bytes.length - back : bytes.length;
  }
  return bytes.length;
}
