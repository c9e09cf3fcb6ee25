/**
 * Cuts a zstd stream into frames (RFC 8878), as far as needed to know where each one ends.
 *
 * Deno 2.9.6's decompressor needs it (measured): what follows the end of a frame within one write is dropped, without an
 * error, be it another frame or garbage; a skippable frame swallows what comes after it; a truncated frame ends as if it
 * were whole. So it is fed pieces that never span two frames, skippable frames are left out, and truncation is noticed
 * here. Window and dictionary are looked at here, too, for messages that say what is wrong.
 *
 * @module
 */
import { corrupt } from "./corrupt.ts";

/** Largest window accepted: 2^27, the limit of the zstd command line. Higher ones (`--long=28` and up) need memory. */
const MAX_WINDOW_BYTES = 2 ** 27;

const FRAME_MAGIC = 0xfd2fb528;
const SKIPPABLE_MAGIC = 0x184d2a50;
/** Largest frame header: magic, descriptor, window, dictionary ID, content size. */
const MAX_HEADER_BYTES = 18;
const SKIPPABLE_HEADER_BYTES = 8;
const BLOCK_HEADER_BYTES = 3;
const CHECKSUM_BYTES = 4;
/** Bytes of the dictionary ID and of the content size, by their flags in the frame header descriptor. */
const DICTIONARY_ID_BYTES: readonly number[] = [0, 1, 2, 4];
const CONTENT_SIZE_BYTES: readonly number[] = [0, 2, 4, 8];
const RLE_BLOCK = 1;
const RESERVED_BLOCK = 3;

/** What the next bytes are. */
type Part = "frame header" | "block header" | "block" | "checksum" | "skippable frame";

/** Follows the structure of a stream that comes in pieces. */
export class ZstdFrameScanner {
  #part: Part = "frame header";
  /** The header being gathered; a frame's is held back until it is known not to be skippable. */
  readonly #header = new Uint8Array(MAX_HEADER_BYTES);
  #gathered = 0;
  /** Bytes left of a block, checksum or skippable frame. */
  #left = 0;
  #lastBlock = false;
  #checksum = false;

  /** Whether the stream may end here. */
  get complete(): boolean {
    return this.#part === "frame header" && this.#gathered === 0;
  }

  /**
   * Yields what the decompressor is to be fed of a piece, cut where frames end.
   *
   * @throws {KilnError} integrity for anything that is not a frame, for too large a window, and for a dictionary
   */
  *scan(piece: Uint8Array): Generator<Uint8Array> {
    /** Where the part that has not been yielded begins. */
    let from = 0;
    for (let at = 0; at < piece.length;) {
      switch (this.#part) {
        case "frame header": {
          const held = this.#gathered;
          const end = this.#gather(piece, { at, length: frameHeaderLength });
          if (end === undefined) return;
          from = this.#beginFrame() ? at : end;
          if (held > 0 && from === at) yield this.#header.slice(0, held);
          at = end;
          break;
        }
        case "block header":
          at = this.#gather(piece, { at, length: () => BLOCK_HEADER_BYTES }) ?? piece.length;
          if (this.#gathered === BLOCK_HEADER_BYTES) this.#beginBlock();
          break;
        default: {
          const count = Math.min(this.#left, piece.length - at);
          this.#left -= count;
          at += count;
          if (this.#part === "skippable frame") from = at;
          if (this.#left === 0) this.#endPart();
        }
      }
      if (this.complete && from < at) {
        yield piece.subarray(from, at);
        from = at;
      }
    }
    if (from < piece.length) yield piece.subarray(from);
  }

  /** Copies into the header until it is complete. Returns where it ends, or undefined if the piece ends before. */
  #gather(
    piece: Uint8Array,
    { at, length }: { readonly at: number; readonly length: (header: Uint8Array, gathered: number) => number },
  ): number | undefined {
    for (; at < piece.length; at++) {
      this.#header[this.#gathered++] = piece[at] ?? 0;
      if (this.#gathered === length(this.#header, this.#gathered)) return at + 1;
    }
    return undefined;
  }

  /** Returns whether the frame has content, which a skippable one has not. */
  #beginFrame(): boolean {
    this.#gathered = 0;
    const view = new DataView(this.#header.buffer);
    if (view.getUint32(0, true) !== FRAME_MAGIC) {
      this.#left = view.getUint32(4, true);
      this.#part = "skippable frame";
      if (this.#left === 0) this.#endPart();
      return false;
    }
    const { windowBytes, dictionaryId, checksum } = readFrameHeader(view);
    if (dictionaryId !== 0) throw corrupt("zstd", `it needs the dictionary ${dictionaryId}`);
    if (windowBytes > MAX_WINDOW_BYTES) {
      throw corrupt("zstd", `its window of ${windowBytes} bytes exceeds ${MAX_WINDOW_BYTES}`, {
        hint: 'compress it again without "--long"',
      });
    }
    this.#checksum = checksum;
    this.#part = "block header";
    return true;
  }

  #beginBlock(): void {
    this.#gathered = 0;
    const [low = 0, middle = 0, high = 0] = this.#header;
    const type = (low >> 1) & 3;
    if (type === RESERVED_BLOCK) throw corrupt("zstd", "a block is of an unknown type");
    this.#lastBlock = (low & 1) === 1;
    this.#left = type === RLE_BLOCK ? 1 : (low | middle << 8 | high << 16) >> 3;
    this.#part = "block";
    if (this.#left === 0) this.#endPart();
  }

  #endPart(): void {
    if (this.#part === "block" && !this.#lastBlock) this.#part = "block header";
    else if (this.#part === "block" && this.#checksum) {
      this.#part = "checksum";
      this.#left = CHECKSUM_BYTES;
    } else this.#part = "frame header";
  }
}

/** Returns how long the header of a frame is, as far as its first bytes tell. @throws {KilnError} if it is none */
function frameHeaderLength(header: Uint8Array, gathered: number): number {
  if (gathered < 4) return 5;
  const magic = new DataView(header.buffer).getUint32(0, true);
  if ((magic & 0xfffffff0) === SKIPPABLE_MAGIC) return SKIPPABLE_HEADER_BYTES;
  if (magic !== FRAME_MAGIC) throw corrupt("zstd", "it is not zstd, or followed by something else");
  return gathered < 5 ? 6 : layoutOf(header[4] ?? 0).length;
}

interface FrameLayout {
  readonly singleSegment: boolean;
  readonly dictionaryAt: number;
  readonly sizeAt: number;
  readonly sizeBytes: number;
  readonly length: number;
}

/** Where the fields of a frame header lie, by its descriptor. */
function layoutOf(descriptor: number): FrameLayout {
  const singleSegment = (descriptor & 0x20) !== 0;
  const dictionaryAt = singleSegment ? 5 : 6;
  const sizeAt = dictionaryAt + (DICTIONARY_ID_BYTES[descriptor & 3] ?? 0);
  const flag = descriptor >> 6;
  const sizeBytes = flag === 0 && singleSegment ? 1 : CONTENT_SIZE_BYTES[flag] ?? 0;
  return { singleSegment, dictionaryAt, sizeAt, sizeBytes, length: sizeAt + sizeBytes };
}

function readFrameHeader(view: DataView): { windowBytes: number; dictionaryId: number; checksum: boolean } {
  const descriptor = view.getUint8(4);
  const { singleSegment, dictionaryAt, sizeAt, sizeBytes } = layoutOf(descriptor);
  const window = view.getUint8(5);
  const base = 2 ** (10 + (window >> 3));
  return {
    windowBytes: singleSegment ? littleEndian(view, sizeAt, sizeAt + sizeBytes) : base + base / 8 * (window & 7),
    dictionaryId: littleEndian(view, dictionaryAt, sizeAt),
    checksum: (descriptor & 4) !== 0,
  };
}

function littleEndian(view: DataView, at: number, end: number): number {
  let value = 0;
  for (let index = end - 1; index >= at; index--) value = value * 256 + view.getUint8(index);
  return value;
}
