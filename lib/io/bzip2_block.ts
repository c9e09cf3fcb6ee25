/**
 * One block of bzip2: Huffman codes, move-to-front, the Burrows-Wheeler transform, and runs, undone in that order.
 *
 * @module
 */
import type { BitReader } from "./bit_reader.ts";
import { corrupt } from "./corrupt.ts";
import { OUTPUT_PIECE_BYTES } from "./piece_sizes.ts";

const MAX_CODE_BITS = 20;
/** Symbols coded with one table before the next selector says which. */
const GROUP_SYMBOLS = 50;
const MAX_GROUPS = 6;
/** The largest count of selectors a 900,000 byte block needs; files of newer compressors have a few more, unused. */
const MAX_SELECTORS = 18_002;
/** Symbols for the digits of a run length. */
const [RUN_A, RUN_B] = [0, 1] as const;
/** Equal bytes that are followed by a count of more of them. */
const RUN_START = 4;

/** A Huffman code: per length, the largest code left-aligned to 20 bits, and where its symbols begin. */
interface HuffmanTable {
  readonly minBits: number;
  readonly limit: Int32Array;
  readonly offset: Int32Array;
  readonly symbols: Uint16Array;
}

/** The work space of all blocks, up to 3.6 MB; read a block, then expand it. */
export class Bzip2Block {
  /** Low 8 bits: the bytes of the block; upper 24: for each the position of its successor. Made for the first block. */
  #chain = new Uint32Array(0);
  #maxBytes = 0;
  #length = 0;
  #start = 0;
  #checksum = 0;

  /** How far `expand` has come: the current link of the chain, and links left. */
  #entry = 0;
  #left = 0;
  /** The byte written last, how often in a row, and how often it is still to be written. */
  #value = -1;
  #equal = 0;
  #repeat = 0;

  /** Sets how many bytes the blocks of a stream have at most; used again for the next stream. */
  begin(maxBytes: number): void {
    this.#maxBytes = maxBytes;
  }

  /** The checksum of what `expand` yielded. */
  get checksum(): number {
    return this.#checksum;
  }

  /** Reads a block from behind its checksum. @throws {OutOfBits} {KilnError} */
  read(bits: BitReader): void {
    if (bits.read(1) === 1) throw corrupt("bzip2", "it has a block of an obsolete kind, randomised");
    this.#start = bits.read(24);
    const bytes = readSymbolMap(bits);
    const groups = bits.read(3);
    const selectorCount = bits.read(15);
    if (groups < 2 || groups > MAX_GROUPS || selectorCount < 1) throw damaged();
    const selectors = readSelectors(bits, { groups, count: selectorCount });
    const tables = Array.from({ length: groups }, () => readTable(bits, bytes.length + 2));
    if (this.#chain.length < this.#maxBytes) this.#chain = new Uint32Array(this.#maxBytes);
    const counts = this.#readBytes(bits, { bytes, selectors, tables });
    if (this.#start >= this.#length) throw damaged();
    this.#linkChain(counts);
  }

  /** Fills the low bits of the chain. Returns how often each byte occurs. */
  #readBytes(
    bits: BitReader,
    code: { readonly bytes: Uint8Array; readonly selectors: Uint8Array; readonly tables: readonly HuffmanTable[] },
  ): Uint32Array<ArrayBuffer> {
    const counts = new Uint32Array(256);
    const recent = code.bytes;
    const endSymbol = recent.length + 1;
    const chain = this.#chain;
    let length = 0;
    let run = 0;
    let runDigit = 1;
    for (const selector of code.selectors) {
      const table = code.tables[selector];
      if (table === undefined) throw damaged();
      for (let left = GROUP_SYMBOLS; left > 0; left--) {
        const symbol = readSymbol(bits, table);
        if (symbol === RUN_A || symbol === RUN_B) {
          run += runDigit << symbol;
          runDigit <<= 1;
          if (run > this.#maxBytes) throw damaged();
          continue;
        }
        if (run > 0) {
          if (length + run > this.#maxBytes) throw damaged();
          const byte = recent[0] ?? 0;
          chain.fill(byte, length, length + run);
          counts[byte] = (counts[byte] ?? 0) + run;
          length += run;
          run = 0;
          runDigit = 1;
        }
        if (symbol === endSymbol) {
          this.#length = length;
          return counts;
        }
        if (length === this.#maxBytes) throw damaged();
        const byte = recent[symbol - 1] ?? 0;
        for (let at = symbol - 1; at > 0; at--) recent[at] = recent[at - 1] ?? 0;
        recent[0] = byte;
        chain[length++] = byte;
        counts[byte] = (counts[byte] ?? 0) + 1;
      }
    }
    throw damaged();
  }

  /** Undoes the Burrows-Wheeler transform: tells each byte where the next one is. */
  #linkChain(counts: Uint32Array<ArrayBuffer>): void {
    let sum = 0;
    const next = counts.map((count) => (sum += count) - count);
    const chain = this.#chain;
    for (let at = 0; at < this.#length; at++) {
      const byte = (chain[at] ?? 0) & 0xff;
      const to = next[byte] ?? 0;
      next[byte] = to + 1;
      chain[to] = (chain[to] ?? 0) | at << 8;
    }
  }

  /** Yields the content of the block, in pieces of their own memory. */
  *expand(): Generator<Uint8Array> {
    this.#entry = this.#chain[this.#start] ?? 0;
    this.#left = this.#length;
    this.#checksum = 0xffffffff;
    this.#value = -1;
    this.#equal = 0;
    this.#repeat = 0;
    while (this.#left > 0 || this.#repeat > 0) {
      const output = new Uint8Array(OUTPUT_PIECE_BYTES);
      const used = this.#fill(output);
      if (used > 0) yield output.subarray(0, used);
    }
    this.#checksum = ~this.#checksum >>> 0;
  }

  /** Fills a piece of output as far as there is content. Returns how many bytes it has. */
  #fill(output: Uint8Array): number {
    const chain = this.#chain;
    let [entry, left, crc] = [this.#entry, this.#left, this.#checksum];
    let [value, equal, repeat] = [this.#value, this.#equal, this.#repeat];
    let used = 0;
    while (used < output.length) {
      if (repeat > 0) {
        repeat--;
      } else {
        if (left === 0) break;
        left--;
        entry = chain[entry >>> 8] ?? 0;
        const byte = entry & 0xff;
        if (equal === RUN_START) {
          repeat = byte;
          equal = 0;
          continue;
        }
        equal = byte === value ? equal + 1 : 1;
        value = byte;
      }
      output[used++] = value;
      crc = (crc << 8) ^ (CRC_TABLE[(crc >>> 24) ^ value] ?? 0);
    }
    [this.#entry, this.#left, this.#checksum] = [entry, left, crc];
    [this.#value, this.#equal, this.#repeat] = [value, equal, repeat];
    return used;
  }
}

/** Returns the bytes that occur, in ascending order: 16 groups of 16 are each marked as used or not. */
function readSymbolMap(bits: BitReader): Uint8Array<ArrayBuffer> {
  const used: number[] = [];
  const groups = bits.read(16);
  for (let group = 0; group < 16; group++) {
    if ((groups & (0x8000 >> group)) === 0) continue;
    const members = bits.read(16);
    for (let member = 0; member < 16; member++) {
      if ((members & (0x8000 >> member)) !== 0) used.push(group * 16 + member);
    }
  }
  if (used.length === 0) throw damaged();
  return new Uint8Array(used);
}

/** Returns which table codes each group of symbols; given as positions in a move-to-front list, in unary. */
function readSelectors(
  bits: BitReader,
  { groups, count }: { readonly groups: number; readonly count: number },
): Uint8Array<ArrayBuffer> {
  const recent = Array.from({ length: groups }, (_, index) => index);
  const selectors = new Uint8Array(Math.min(count, MAX_SELECTORS));
  for (let index = 0; index < count; index++) {
    let position = 0;
    while (bits.read(1) === 1) {
      if (++position >= groups) throw damaged();
    }
    const [selector = 0] = recent.splice(position, 1);
    recent.unshift(selector);
    if (index < selectors.length) selectors[index] = selector;
  }
  return selectors;
}

/** Reads the code lengths of one table, each told by steps from the one before, and makes the canonical code. */
function readTable(bits: BitReader, symbolCount: number): HuffmanTable {
  const lengths = new Uint8Array(symbolCount);
  let length = bits.read(5);
  for (let symbol = 0; symbol < symbolCount; symbol++) {
    while (bits.read(1) === 1) {
      length += bits.read(1) === 0 ? 1 : -1;
      if (length < 1 || length > MAX_CODE_BITS) throw damaged();
    }
    if (length < 1 || length > MAX_CODE_BITS) throw damaged();
    lengths[symbol] = length;
  }
  return canonicalCode(lengths);
}

function canonicalCode(lengths: Uint8Array): HuffmanTable {
  const counts = new Int32Array(MAX_CODE_BITS + 2);
  for (const length of lengths) counts[length] = (counts[length] ?? 0) + 1;
  const limit = new Int32Array(MAX_CODE_BITS + 2).fill(-1);
  const offset = new Int32Array(MAX_CODE_BITS + 2);
  const symbols = new Uint16Array(lengths.length);
  let code = 0;
  let first = 0;
  for (let bitCount = 1; bitCount <= MAX_CODE_BITS; bitCount++) {
    const count = counts[bitCount] ?? 0;
    offset[bitCount] = first - code;
    for (let symbol = 0, at = first; symbol < lengths.length; symbol++) {
      if (lengths[symbol] === bitCount) symbols[at++] = symbol;
    }
    code += count;
    first += count;
    limit[bitCount] = count === 0 ? -1 : code * 2 ** (MAX_CODE_BITS - bitCount) - 1;
    code *= 2;
  }
  return { minBits: counts.findIndex((count) => count > 0), limit, offset, symbols };
}

function readSymbol(bits: BitReader, table: HuffmanTable): number {
  const code = bits.peek(MAX_CODE_BITS);
  for (let length = table.minBits; length <= MAX_CODE_BITS; length++) {
    if (code > (table.limit[length] ?? -1)) continue;
    bits.skip(length);
    return table.symbols[(code >>> (MAX_CODE_BITS - length)) + (table.offset[length] ?? 0)] ?? 0;
  }
  throw damaged();
}

function damaged(): Error {
  return corrupt("bzip2", "a block is damaged");
}

/** CRC-32 with the polynomial 0x04c11db7, the most significant bit first. */
const CRC_TABLE: Int32Array = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 24;
  for (let bit = 0; bit < 8; bit++) crc = crc < 0 ? (crc << 1) ^ 0x04c11db7 : crc << 1;
  return crc;
});
