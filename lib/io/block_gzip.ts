/**
 * Gzip in blocks that are compressed on their own, as pigz does it, so that Workers can share the work.
 *
 * The stream is one gzip member. Each block is raw deflate that ends at a byte boundary (an empty stored block, 5
 * bytes) and may refer to the 32 KiB before it, which its compressor is given as a dictionary. The bytes depend on
 * content, block size and level only, never on how many Workers there are: the same layer has the same digest on every
 * machine with this version of Deno.
 *
 * @module
 */
import { constants, crc32, deflateRawSync } from "node:zlib";
import { KilnError } from "../errors.ts";
import { isIncompressible } from "./incompressible.ts";

/** Bytes per block: 128 times the window, so that cutting costs less than 0.1 % (measured). */
export const GZIP_BLOCK_BYTES = 1024 ** 2;

/** How far back deflate can refer: what a block has to know of the one before. */
export const GZIP_WINDOW_BYTES = 32_768;

/**
 * Used unless told otherwise: the fastest level within 3 % of the size of `gzip -6` (decisions 4). Deno's zlib is
 * zlib-ng, whose levels differ from zlib's. Measured on Deno 2.9.6, size against `gzip -6`, and speed on one core:
 *
 * | corpus (tar) | level 3 | level 4 | level 5 | level 6 |
 * | --- | --- | --- | --- | --- |
 * | /usr/share, 150 MB | +2.7 %, 44 MB/s | +1.5 %, 38 MB/s | +0.6 %, 35 MB/s | +0.4 %, 28 MB/s |
 * | /usr/lib/x86_64-linux-gnu, 150 MB | +5.9 %, 22 MB/s | +4.5 %, 26 MB/s | +2.6 %, 29 MB/s | +2.4 %, 31 MB/s |
 * | /usr/bin, 100 MB | +5.3 %, 31 MB/s | +3.9 %, 31 MB/s | +2.5 %, 32 MB/s | +2.2 %, 26 MB/s |
 * | node_modules, 78 MB | +8.9 %, 58 MB/s | +4.4 %, 50 MB/s | +1.6 %, 51 MB/s | +0.8 %, 36 MB/s |
 * | a Python installation, 150 MB | +5.0 %, 52 MB/s | +2.7 %, 55 MB/s | +0.3 %, 51 MB/s | -0.1 %, 42 MB/s |
 * | a Debian root of debootstrap, 120 MB | | | +2.2 %, 19 MB/s | +2.1 %, 14 MB/s |
 *
 * The worst found is bash, tar, find and perl alone, 6 MB: +3.1 % at level 5, +2.9 % at level 6. A memLevel of 9 makes
 * everything larger by half a percent.
 */
const DEFAULT_GZIP_LEVEL = 5;

/** Magic, deflate, no flags, no time, no extra flags, unknown system: the header every block stream begins with. */
const HEADER: readonly number[] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
const TRAILER_BYTES = 8;
/** More than deflate can add to a block, and enough that Node takes no memory of its shared pool. */
const SLACK_BYTES = 65_536;

/** One block to be compressed. */
export interface GzipBlock {
  readonly block: Uint8Array;
  /** The last 32 KiB before the block; empty for the first one. */
  readonly dictionary: Uint8Array;
  /** 1 to 9. */
  readonly level: number;
  /** Whether it is the last of the stream. */
  readonly last: boolean;
}

/** Compresses one block. What cannot be made smaller is stored: 500 KB of random bytes take 25 ms at any level. */
export function compressGzipBlock({ block, dictionary, level, last }: GzipBlock): Uint8Array<ArrayBuffer> {
  const compressed = deflateRawSync(block, {
    level: isIncompressible(block) ? constants.Z_NO_COMPRESSION : level,
    // room for all of the output, so that it is not put together from pieces
    chunkSize: block.length + SLACK_BYTES,
    // zlib takes an empty dictionary for an error
    ...(dictionary.length === 0 ? {} : { dictionary }),
    finishFlush: last ? constants.Z_FINISH : constants.Z_SYNC_FLUSH,
  });
  return new Uint8Array(compressed.buffer, compressed.byteOffset, compressed.length);
}

/** Returns what stands before the first block. */
export function gzipHeader(): Uint8Array<ArrayBuffer> {
  return new Uint8Array(HEADER);
}

/** Returns what stands behind the last block: the checksum of the whole content, and its size modulo 2^32. */
export function gzipTrailer(content: { readonly checksum: number; readonly size: number }): Uint8Array<ArrayBuffer> {
  const trailer = new Uint8Array(TRAILER_BYTES);
  const view = new DataView(trailer.buffer);
  view.setUint32(0, content.checksum, true);
  view.setUint32(4, content.size % 2 ** 32, true);
  return trailer;
}

/** Returns the checksum of content to which `block` has been added; 0 is that of no content. */
export function gzipChecksum(block: Uint8Array, before: number): number {
  return crc32(block, before);
}

/** Returns the level to use. @throws {KilnError} usage, unless it is 1 to 9 */
export function gzipLevel(level: number | undefined): number {
  if (level === undefined) return DEFAULT_GZIP_LEVEL;
  if (Number.isInteger(level) && level >= 1 && level <= 9) return level;
  throw new KilnError("usage", `Cannot compress with gzip level ${level}: the levels are 1 to 9`);
}
