/**
 * Reads bzip2 streams, block by block, any number of them in a row.
 *
 * Our own because the packages on npm are not bounded: unbzip2-stream expands all the input it has in one go, and 900 KB
 * of a hostile archive hold 20,000 blocks of 46 MB (measured by its code; pains-and-security.md S26). Here one block of
 * at most 900,000 bytes is in memory and its output leaves in pieces of 64 KiB.
 *
 * The format has no specification; this follows the description in the decoder of bzip2 1.0.8. Blocks with the
 * randomisation that bzip2 dropped in 1998 are refused.
 *
 * @module
 */
import { BitReader, OutOfBits } from "./bit_reader.ts";
import { Bzip2Block } from "./bzip2_block.ts";
import { corrupt } from "./corrupt.ts";
import { INPUT_PIECE_BYTES } from "./piece_sizes.ts";
import { slicePieces } from "./slice_pieces.ts";

/**
 * Bytes that hold any block: 900,100 symbols of 20 bits, 18,002 selectors and six tables are 2.3 MB. A block that takes
 * more is damaged.
 */
const MAX_BLOCK_BYTES = 3 * 1024 ** 2;
/** "BZh" */
const STREAM_MAGIC = 0x425a68;
/** The digits of pi and of its square root. */
const BLOCK_MAGIC = [0x314159, 0x265359] as const;
const END_MAGIC = [0x177245, 0x385090] as const;

/** Decompresses bzip2. @throws {KilnError} integrity for a damaged or truncated stream and for garbage after its end */
export async function* bunzip2(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const bits = new BitReader(MAX_BLOCK_BYTES + 2 * INPUT_PIECE_BYTES);
  const decoder = new Bzip2Decoder(bits);
  try {
    for await (const piece of slicePieces(stream, INPUT_PIECE_BYTES)) {
      bits.append(piece);
      while (bits.available >= MAX_BLOCK_BYTES) yield* decoder.step();
    }
    do {
      yield* decoder.step();
    } while (!decoder.complete || bits.available > 0);
  } catch (error) {
    throw error instanceof OutOfBits ? corrupt("bzip2", "it is truncated") : error;
  }
}

/** Reads one header, block or end marker at a time. */
class Bzip2Decoder {
  readonly #bits: BitReader;
  readonly #block = new Bzip2Block();
  #inStream = false;
  #checksum = 0;

  constructor(bits: BitReader) {
    this.#bits = bits;
  }

  /** Whether a stream has ended and no other one has begun. */
  get complete(): boolean {
    return !this.#inStream;
  }

  /** Yields what the next part of the stream expands to. @throws {OutOfBits} if it is not all there */
  *step(): Generator<Uint8Array> {
    if (!this.#inStream) {
      this.#beginStream();
      return;
    }
    const magic = [this.#bits.read(24), this.#bits.read(24)];
    if (magic[0] === END_MAGIC[0] && magic[1] === END_MAGIC[1]) {
      this.#endStream();
      return;
    }
    if (magic[0] !== BLOCK_MAGIC[0] || magic[1] !== BLOCK_MAGIC[1]) throw corrupt("bzip2", "a block has no beginning");
    const expected = readUint32(this.#bits);
    this.#readBlock();
    yield* this.#block.expand();
    if (this.#block.checksum !== expected) throw corrupt("bzip2", "its checksum is wrong");
    this.#checksum = ((this.#checksum << 1 | this.#checksum >>> 31) ^ expected) >>> 0;
  }

  #beginStream(): void {
    const magic = this.#bits.read(24);
    const level = this.#bits.read(8) - 0x30;
    if (magic !== STREAM_MAGIC || level < 1 || level > 9) {
      throw corrupt("bzip2", "it is not bzip2, or followed by something else");
    }
    this.#checksum = 0;
    this.#block.begin(level * 100_000);
    this.#inStream = true;
  }

  #readBlock(): void {
    try {
      this.#block.read(this.#bits);
    } finally {
      // what is read beyond the end are zeros; that there were any is the fault, not what they looked like
      this.#bits.check();
    }
  }

  #endStream(): void {
    const expected = readUint32(this.#bits);
    this.#bits.align();
    if (expected !== this.#checksum) throw corrupt("bzip2", "its checksum is wrong");
    this.#inStream = false;
  }
}

function readUint32(bits: BitReader): number {
  const high = bits.read(16);
  return high * 65_536 + bits.read(16);
}
