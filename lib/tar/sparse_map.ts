/**
 * Where the data of a sparse file lies: the map GNU tar stores in four ways, and the checks it must pass.
 *
 * Old GNU archives (type `S`) keep four regions in the header and 21 in each extension block. PAX archives keep them in
 * records (0.0: one record per number; 0.1: one record with commas) or as lines of text before the data (1.0). In all of
 * them the data of the regions follows without gaps. We read all four (decisions 19) and write none.
 *
 * GNU tar starts every region at a block boundary of the archive, Go and libarchive do not: a region that is not a
 * multiple of 512 bytes is therefore refused unless it is the last, as it is in everything GNU tar writes. And a hole at
 * the end is only made by GNU tar if an empty region stands behind it, as in everything it and libarchive write.
 *
 * @module
 */
import { FIELD, readNumber } from "./header_block.ts";
import type { TarLimits } from "./limits.ts";
import { Malformed } from "./malformed.ts";
import { parseDecimal, type PaxSparse } from "./pax.ts";

/** Bytes of one region in an old GNU header or extension block: an offset and a length of 12 bytes each. */
const GNU_REGION_BYTES = 24;
/** Where the regions and the "more blocks follow" flag lie in an old GNU header. */
const GNU_HEADER_REGIONS = { at: 386, count: 4, extendedAt: 482 } as const;
/** The same in an extension block. */
const GNU_EXTENSION_REGIONS = { at: 0, count: 21, extendedAt: 504 } as const;
/** Digits of the longest number below 2^53. */
const MAX_DIGITS = 16;

/** The regions of a sparse file that hold data, in order. Everything between them reads as zeros. */
export class SparseMap {
  /** Offsets and lengths in turn: 16 bytes a region, so that the largest map allowed takes 16 MB. */
  #pairs = new Float64Array(16);
  #count = 0;
  #end = 0;
  #dataBytes = 0;
  #partial = false;

  constructor(readonly limits: TarLimits) {}

  /** Regions in the map. */
  get count(): number {
    return this.#count;
  }

  /** Where region `index` begins in the expanded file. */
  offset(index: number): number {
    return this.#pairs[index * 2] ?? 0;
  }

  /** Bytes of region `index`. */
  length(index: number): number {
    return this.#pairs[index * 2 + 1] ?? 0;
  }

  /** Adds a region. @throws {Malformed} if it does not lie behind the ones before. */
  add(offset: number, length: number): void {
    if (offset < this.#end || length < 0) {
      throw new Malformed("the regions of its sparse map overlap or are not in order");
    }
    if (this.#partial && length > 0) throw new Malformed("a region of its sparse map is not a multiple of 512 bytes");
    if (this.#count >= this.limits.maxSparseRegions) {
      throw new Malformed(`its sparse map has more than ${this.limits.maxSparseRegions} regions`);
    }
    if (this.#count * 2 === this.#pairs.length) {
      const larger = new Float64Array(this.#pairs.length * 2);
      larger.set(this.#pairs);
      this.#pairs = larger;
    }
    this.#pairs[this.#count * 2] = offset;
    this.#pairs[this.#count * 2 + 1] = length;
    this.#count++;
    this.#end = offset + length;
    this.#dataBytes += length;
    this.#partial ||= length % 512 !== 0;
  }

  /** Checks the finished map against the size of the file and the bytes stored for it. @throws {Malformed} */
  close(sizes: { readonly size: number; readonly storedBytes: number }): void {
    if (sizes.size < 0 || sizes.size > this.limits.maxSparseBytes) {
      throw new Malformed(`it is a sparse file of ${sizes.size} bytes, more than ${this.limits.maxSparseBytes}`);
    }
    if (this.#end !== sizes.size) throw new Malformed("its sparse map does not end where the file does");
    if (this.#dataBytes !== sizes.storedBytes) {
      throw new Malformed(`its sparse map has ${this.#dataBytes} bytes of data, but ${sizes.storedBytes} are stored`);
    }
  }
}

/** Adds the regions in an old GNU header. Returns whether an extension block follows. @throws {Malformed} */
export function addGnuHeaderRegions(map: SparseMap, block: Uint8Array): boolean {
  return addGnuRegions(map, block, GNU_HEADER_REGIONS);
}

/** Adds the regions in an extension block. Returns whether another one follows. @throws {Malformed} */
export function addGnuExtensionRegions(map: SparseMap, block: Uint8Array): boolean {
  return addGnuRegions(map, block, GNU_EXTENSION_REGIONS);
}

function addGnuRegions(
  map: SparseMap,
  block: Uint8Array,
  layout: { readonly at: number; readonly count: number; readonly extendedAt: number },
): boolean {
  let ended = false;
  for (let index = 0; index < layout.count; index++) {
    const at = layout.at + index * GNU_REGION_BYTES;
    // the list ends at the first empty entry; for GNU tar that is one without length, for Go one without offset
    if (block[at] === 0 && block[at + 12] === 0) {
      ended = true;
      continue;
    }
    if (ended || block[at] === 0 || block[at + 12] === 0) throw new Malformed("its sparse map has an empty entry");
    const offset = readNumber(block, { at, length: 12, what: "offset of a sparse region" });
    const length = readNumber(block, { at: at + 12, length: 12, what: "length of a sparse region" });
    map.add(offset, length);
  }
  const extended = block[layout.extendedAt] ?? 0;
  if (extended > 1 || (extended === 1 && ended)) throw new Malformed("its sparse map ends before its last block");
  return extended === 1;
}

/** Returns the size of the expanded file from an old GNU header. @throws {Malformed} */
export function gnuRealSize(block: Uint8Array): number {
  return readNumber(block, FIELD.gnuRealSize);
}

/** What the `GNU.sparse.*` records of one header say. */
export interface PaxSparseFile {
  /** The name of the file: the one in the header is made up in formats 0.1 and 1.0. */
  readonly name?: string;
  /** Bytes of the expanded file. */
  readonly size: number;
  /** The map, or undefined if it stands before the data (format 1.0). */
  readonly map: SparseMap | undefined;
}

/** Reads the `GNU.sparse.*` records. @throws {Malformed} unless they are exactly those of one of the three formats. */
export function readPaxSparse(records: PaxSparse, limits: TarLimits): PaxSparseFile {
  const { major, minor, name, size, realSize, blockCount, map: mapText, pairs } = records;
  const version = major === undefined && minor === undefined ? "0.x" : `${major}.${minor}`;
  if (version === "1.0") {
    if (
      realSize === undefined || name === undefined || size !== undefined || mapText !== undefined || pairs.length > 0
    ) {
      throw new Malformed("its sparse records are not those of format 1.0");
    }
    return { name, size: parseDecimal(realSize, "sparse size"), map: undefined };
  }
  if (version !== "0.x" && version !== "0.0" && version !== "0.1") {
    throw new Malformed("its sparse records are of an unknown format");
  }
  if (
    size === undefined || blockCount === undefined || realSize !== undefined ||
    (mapText === undefined) === (pairs.length === 0)
  ) {
    throw new Malformed("its sparse records are not those of format 0.0 or 0.1");
  }
  const numbers = mapText === undefined ? pairs : mapText.split(",", 2 * limits.maxSparseRegions + 2);
  if (numbers.length !== 2 * parseDecimal(blockCount, "number of sparse regions")) {
    throw new Malformed("its sparse map does not have the number of regions it announces");
  }
  const map = new SparseMap(limits);
  for (let at = 0; at < numbers.length; at += 2) {
    map.add(parseDecimal(numbers[at] ?? "", "sparse map"), parseDecimal(numbers[at + 1] ?? "", "sparse map"));
  }
  return { ...(name === undefined ? {} : { name }), size: parseDecimal(size, "sparse size"), map };
}

/**
 * Reads the map of format 1.0: decimal numbers, one a line, first their count, in as many blocks as they need.
 *
 * Works byte by byte because the text may be cut anywhere; maps are short.
 */
export class SparseMapText {
  readonly map: SparseMap;
  #number = 0;
  #digits = 0;
  /** Numbers still to come; -1 before the count of regions is known. */
  #left = -1;
  #offset = 0;

  constructor(readonly limits: TarLimits) {
    this.map = new SparseMap(limits);
  }

  /** Reads on from `at`. Returns where it stopped: the end of the chunk, or behind the last number. @throws {Malformed} */
  read(chunk: Uint8Array, at: number): number {
    for (; at < chunk.length && this.#left !== 0; at++) {
      const byte = chunk[at] ?? 0;
      if (byte >= 0x30 && byte <= 0x39 && this.#digits < MAX_DIGITS) {
        this.#number = this.#number * 10 + byte - 0x30;
        this.#digits++;
      } else if (byte === 0x0a && this.#digits > 0) {
        this.#take(this.#number);
        this.#number = 0;
        this.#digits = 0;
      } else {
        throw new Malformed("its sparse map is not a list of numbers");
      }
    }
    return at;
  }

  /** Whether the last number has been read. */
  get done(): boolean {
    return this.#left === 0;
  }

  #take(number: number): void {
    if (!Number.isSafeInteger(number)) throw new Malformed("its sparse map holds a number beyond 2^53");
    if (this.#left === -1) {
      if (number > this.limits.maxSparseRegions) {
        throw new Malformed(`its sparse map has more than ${this.limits.maxSparseRegions} regions`);
      }
      this.#left = number * 2;
      return;
    }
    if (this.#left % 2 === 0) this.#offset = number;
    else this.map.add(this.#offset, number);
    this.#left--;
  }
}
