/**
 * Reading a pack in any order: the blocks read last are kept, as deltas lie near their bases.
 *
 * @module
 */
import { readAt } from "../sys/file.ts";

const BLOCK_BYTES = 64 * 1024;
/** 8 MiB, each block in a place that its number says. */
const PLACES = 128;

/** Reads from an open pack. */
export class PackBlocks {
  readonly #fd: number;
  readonly #numbers = new Int32Array(PLACES).fill(-1);
  readonly #lengths = new Int32Array(PLACES);
  readonly #blocks: Uint8Array<ArrayBuffer>[] = [];

  constructor(fd: number) {
    this.#fd = fd;
  }

  /** Returns some of the bytes from `position` on; none at the end. Valid until the next call. */
  read(position: number): Uint8Array<ArrayBuffer> {
    const number = Math.floor(position / BLOCK_BYTES);
    const place = number % PLACES;
    const block = this.#blocks[place] ??= new Uint8Array(BLOCK_BYTES);
    if (this.#numbers[place] !== number) {
      this.#numbers[place] = -1;
      this.#lengths[place] = readAt(this.#fd, block, number * BLOCK_BYTES);
      this.#numbers[place] = number;
    }
    const start = position - number * BLOCK_BYTES;
    return block.subarray(start, Math.max(start, this.#lengths[place] ?? 0));
  }

  /** Returns the byte at a position; 0 beyond the end. */
  byte(position: number): number {
    return this.read(position)[0] ?? 0;
  }
}
