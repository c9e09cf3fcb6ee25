/**
 * Expands one sparse file: hands out the stored bytes at their places and zeros between them.
 *
 * @module
 */
import type { TarEntry } from "./entry.ts";
import type { TarHandler } from "./handler.ts";
import type { SparseMap } from "./sparse_map.ts";

/** Zeros handed out for holes, again and again: a hole of any length costs no memory. Never written to. */
const ZEROS: Uint8Array = new Uint8Array(65_536);

/** A sparse file whose map is known and whose data is being read. */
export class SparseFile {
  readonly #entry: TarEntry;
  readonly #map: SparseMap;
  readonly #handler: TarHandler;
  #region = 0;
  /** Bytes of the current region still to come. */
  #left = 0;
  #position = 0;

  /** @param entry Its size is that of the expanded file. The map has been closed, so both fit together. */
  constructor(entry: TarEntry, what: { readonly map: SparseMap; readonly handler: TarHandler }) {
    this.#entry = entry;
    this.#map = what.map;
    this.#handler = what.handler;
  }

  /** Announces the entry, with the hole before its first byte of data. */
  begin(): void {
    this.#handler.entry(this.#entry);
    this.#skipHoles();
  }

  /** Hands out stored bytes from `at`. Returns where it stopped; call again for the rest. */
  take(chunk: Uint8Array, at: number): number {
    const end = Math.min(chunk.length, at + this.#left);
    this.#handler.data(chunk.subarray(at, end));
    this.#left -= end - at;
    this.#position += end - at;
    this.#skipHoles();
    return end;
  }

  /** Gives the zeros up to the next region that has data, or to the end of the file. */
  #skipHoles(): void {
    const map = this.#map;
    while (this.#left === 0 && this.#region < map.count) {
      this.#giveHole(map.offset(this.#region) - this.#position);
      this.#left = map.length(this.#region);
      this.#region++;
    }
    if (this.#left === 0) this.#giveHole(this.#entry.size - this.#position);
  }

  #giveHole(length: number): void {
    if (length === 0) return;
    this.#position += length;
    if (this.#handler.hole !== undefined) {
      this.#handler.hole(length);
      return;
    }
    for (let left = length; left > 0; left -= ZEROS.length) {
      this.#handler.data(left >= ZEROS.length ? ZEROS : ZEROS.subarray(0, left));
    }
  }
}
