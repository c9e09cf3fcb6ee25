/**
 * What is known of each object of a pack: where it is, how long, of which type, by which name.
 *
 * Typed arrays instead of records: 49 bytes for an object, plus 4 to 8 for finding it by name. The number of objects is
 * limited, and memory grows with the objects that were really there, not with the number a pack announces.
 *
 * @module
 */
import { ID_BYTES, idAt, type ObjectId } from "./object_id.ts";

/** The base of an object that is stored whole. */
export const NO_BASE = -1;
/** The base of a delta that names its base; until the base is found, the slot of the id holds the base's id. */
export const UNKNOWN_BASE = -2;

const FIRST_CAPACITY = 4096;

/** One object, as the scanner finds it. */
export interface FoundObject {
  /** Where its header starts in the pack. */
  readonly offset: number;
  /** Bytes when inflated and, for a delta, applied. */
  readonly size: number;
  /** A number of `TYPE`; 0 for a delta, whose type is that of its base. */
  readonly type: number;
  /** Index of the base, or one of the constants above. */
  readonly base: number;
  /** The object's id, or the base's for `UNKNOWN_BASE`; of no meaning for other deltas. */
  readonly id: Uint8Array;
  /** CRC-32 of header and compressed data, as an index file wants it. */
  readonly checksum: number;
}

/** The objects of one pack, by index in the order of the pack. */
export class ObjectTable {
  count = 0;
  #offsets = new Float64Array(FIRST_CAPACITY);
  #sizes = new Float64Array(FIRST_CAPACITY);
  #types = new Uint8Array(FIRST_CAPACITY);
  #bases = new Int32Array(FIRST_CAPACITY);
  #checksums = new Uint32Array(FIRST_CAPACITY);
  #ids = new Uint8Array(FIRST_CAPACITY * ID_BYTES);
  /** Open addressing by the first four bytes of the id: index + 1, or 0. */
  #slots = new Int32Array(0);

  /** Adds the next object. */
  add(found: FoundObject): void {
    if (this.count === this.#offsets.length) this.#grow();
    const index = this.count++;
    this.#offsets[index] = found.offset;
    this.#sizes[index] = found.size;
    this.#types[index] = found.type;
    this.#bases[index] = found.base;
    this.#checksums[index] = found.checksum;
    this.#ids.set(found.id, index * ID_BYTES);
  }

  offset(index: number): number {
    return this.#offsets[index] ?? 0;
  }

  size(index: number): number {
    return this.#sizes[index] ?? 0;
  }

  /** A number of `TYPE`; 0 for a delta that is not resolved. */
  type(index: number): number {
    return this.#types[index] ?? 0;
  }

  base(index: number): number {
    return this.#bases[index] ?? NO_BASE;
  }

  checksum(index: number): number {
    return this.#checksums[index] ?? 0;
  }

  id(index: number): ObjectId {
    return idAt(this.#ids, index * ID_BYTES);
  }

  /** The 20 bytes of the id; a view. */
  idBytes(index: number): Uint8Array {
    return this.#ids.subarray(index * ID_BYTES, (index + 1) * ID_BYTES);
  }

  /** Names the base of a delta that was found by its id. */
  setBase(index: number, base: number): void {
    this.#bases[index] = base;
  }

  /** Notes what a delta turned out to be. */
  resolve(index: number, { type, id }: { readonly type: number; readonly id: Uint8Array }): void {
    this.#types[index] = type;
    this.#ids.set(id, index * ID_BYTES);
  }

  /** Returns the index of the object that starts at `offset`, or undefined. The pack is in order of offsets. */
  atOffset(offset: number): number | undefined {
    let [low, high] = [0, this.count - 1];
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const found = this.#offsets[middle] ?? 0;
      if (found === offset) return middle;
      if (found < offset) low = middle + 1;
      else high = middle - 1;
    }
    return undefined;
  }

  /** Makes an object findable by its id. Returns false if one with the same id already is. */
  index(index: number): boolean {
    if (this.#slots.length < this.count * 2) this.#slots = new Int32Array(slotsFor(this.count));
    const id = this.idBytes(index);
    const at = this.#slotOf(id);
    if (this.#slots[at] !== 0) return false;
    this.#slots[at] = index + 1;
    return true;
  }

  /** Returns the index of an object that was made findable, or undefined. */
  find(id: Uint8Array): number | undefined {
    if (this.#slots.length === 0) return undefined;
    const found = this.#slots[this.#slotOf(id)] ?? 0;
    return found === 0 ? undefined : found - 1;
  }

  /** The slot an id has, or would have. */
  #slotOf(id: Uint8Array): number {
    const mask = this.#slots.length - 1;
    const first = ((id[0] ?? 0) << 24) | ((id[1] ?? 0) << 16) | ((id[2] ?? 0) << 8) | (id[3] ?? 0);
    for (let at = first & mask;; at = (at + 1) & mask) {
      const found = this.#slots[at] ?? 0;
      if (found === 0 || this.#hasId(found - 1, id)) return at;
    }
  }

  #hasId(index: number, id: Uint8Array): boolean {
    const start = index * ID_BYTES;
    for (let at = 0; at < ID_BYTES; at++) {
      if (this.#ids[start + at] !== id[at]) return false;
    }
    return true;
  }

  #grow(): void {
    const capacity = this.#offsets.length * 2;
    this.#offsets = copied(new Float64Array(capacity), this.#offsets);
    this.#sizes = copied(new Float64Array(capacity), this.#sizes);
    this.#types = copied(new Uint8Array(capacity), this.#types);
    this.#bases = copied(new Int32Array(capacity), this.#bases);
    this.#checksums = copied(new Uint32Array(capacity), this.#checksums);
    this.#ids = copied(new Uint8Array(capacity * ID_BYTES), this.#ids);
  }
}

function copied<T extends { set(from: T): void }>(to: T, from: T): T {
  to.set(from);
  return to;
}

/** A power of two, at least twice as many slots as objects. */
function slotsFor(count: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(16, count * 2)));
}
