/**
 * Recently made objects, kept because the next delta usually has one of them as its base.
 *
 * Two generations instead of a list in order of use: what is used again moves to the young one; when that is full the
 * old one is dropped whole and its memory used again. Small objects are pieces of large slabs, as allocating them one by
 * one took a third of the time (30,000 objects of 7 kB).
 *
 * @module
 */
import { close } from "../sys/file.ts";
import { type HeldObject, HeldObjectWriter } from "./held_object.ts";

/** Both generations together: 48 MiB in memory, and four files. */
const GENERATION_BYTES = 24 * 1024 ** 2;
const GENERATION_FILES = 2;
const SLAB_BYTES = 1024 ** 2;

/** Keeps objects by their index. */
export class KeptObjects {
  readonly #makeFile: () => number;
  #young = new Generation();
  #old = new Generation();

  /** @param makeFile makes an empty file for an object that is too large for memory. */
  constructor(makeFile: () => number) {
    this.#makeFile = makeFile;
  }

  has(index: number): boolean {
    return this.#young.objects.has(index) || this.#old.objects.has(index);
  }

  /** Returns an object; valid until two more were made. */
  take(index: number): HeldObject | undefined {
    const young = this.#young.objects.get(index);
    if (young !== undefined) return young;
    const old = this.#old.objects.get(index);
    if (old === undefined) return undefined;
    this.#old.objects.delete(index);
    if (old.kind === "file") return this.keep(index, old);
    const bytes = this.#young.allocate(old.size);
    bytes.set(old.bytes);
    return this.keep(index, { ...old, bytes });
  }

  /** Returns what a new object is written with. */
  writer(size: number): HeldObjectWriter {
    return new HeldObjectWriter(size, { allocate: (bytes) => this.#young.allocate(bytes), makeFile: this.#makeFile });
  }

  /** Keeps an object that was made with a writer of ours. */
  keep(index: number, held: HeldObject): HeldObject {
    this.#young.objects.set(index, held);
    if (held.kind === "file") this.#young.files++;
    if (this.#young.bytes > GENERATION_BYTES || this.#young.files > GENERATION_FILES) {
      this.#old.clear();
      [this.#young, this.#old] = [this.#old, this.#young];
    }
    return held;
  }

  /** Drops everything. */
  clear(): void {
    for (const generation of [this.#young, this.#old]) generation.clear();
  }
}

class Generation {
  readonly objects = new Map<number, HeldObject>();
  bytes = 0;
  files = 0;
  readonly #slabs: Uint8Array<ArrayBuffer>[] = [];
  #slab = 0;
  #filled = 0;

  /** Returns memory with anything in it. */
  allocate(size: number): Uint8Array<ArrayBuffer> {
    this.bytes += size;
    if (size > SLAB_BYTES / 4) return new Uint8Array(size);
    if (this.#filled + size > SLAB_BYTES) {
      this.#slab++;
      this.#filled = 0;
    }
    const slab = this.#slabs[this.#slab] ??= new Uint8Array(SLAB_BYTES);
    const start = this.#filled;
    this.#filled += size;
    return slab.subarray(start, start + size);
  }

  clear(): void {
    for (const held of this.objects.values()) {
      if (held.kind === "file") close(held.fd);
    }
    this.objects.clear();
    this.bytes =
      this.files =
      this.#slab =
      this.#filled =
        0;
  }
}
