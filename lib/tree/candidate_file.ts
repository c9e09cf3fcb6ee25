/**
 * The list of what a scan found, on disk: it can be as long as the tree is large.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import type { BytePath } from "../io/byte_path.ts";
import { AT_FDCWD, close, O, openAt, read, writeAll } from "../sys/file.ts";

/** What a scan thinks of a path, see `ScanListener`. */
export type CandidateKind = "whiteout" | "changed" | "suspect" | "linked";

/** One line of the list. */
export interface Candidate {
  readonly kind: CandidateKind;
  readonly path: BytePath;
}

const KINDS: readonly CandidateKind[] = ["whiteout", "changed", "suspect", "linked"];
const BUFFER_BYTES = 1 << 18;
const HEADER_BYTES = 5;

/** Writes a list. */
export class CandidateWriter {
  readonly #fd: number;
  readonly #buffer = new Uint8Array(BUFFER_BYTES);
  #used = 0;

  constructor(path: BytePath) {
    this.#fd = openAt(AT_FDCWD, path, O.WRONLY | O.CREAT | O.TRUNC, 0o600);
  }

  add(kind: CandidateKind, path: BytePath): void {
    if (this.#used + HEADER_BYTES + path.length > BUFFER_BYTES) this.#flush();
    const view = new DataView(this.#buffer.buffer);
    view.setUint8(this.#used, KINDS.indexOf(kind));
    view.setUint32(this.#used + 1, path.length, true);
    this.#used += HEADER_BYTES;
    for (let at = 0; at < path.length; at++) this.#buffer[this.#used++] = path.charCodeAt(at);
  }

  close(): void {
    try {
      this.#flush();
    } finally {
      close(this.#fd);
    }
  }

  #flush(): void {
    writeAll(this.#fd, this.#buffer.subarray(0, this.#used));
    this.#used = 0;
  }
}

/** Reads a list in the order it was written. */
export function* readCandidates(path: BytePath): Generator<Candidate> {
  const fd = openAt(AT_FDCWD, path, O.RDONLY);
  try {
    const bytes = Buffer.alloc(BUFFER_BYTES);
    const raw = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
    let [at, end] = [0, 0];
    const need = (count: number): boolean => {
      if (end - at >= count) return true;
      raw.copyWithin(0, at, end);
      [at, end] = [0, end - at];
      for (let got = 1; got > 0 && end < count;) {
        got = read(fd, raw.subarray(end));
        end += got;
      }
      return end >= count;
    };
    while (need(HEADER_BYTES)) {
      const kind = KINDS[raw[at] ?? 0] ?? "changed";
      const length = bytes.readUInt32LE(at + 1);
      at += HEADER_BYTES;
      if (!need(length)) throw new Error("Unreachable: the list of candidates is cut short");
      yield { kind, path: bytes.toString("latin1", at, at + length) };
      at += length;
    }
  } finally {
    close(fd);
  }
}
