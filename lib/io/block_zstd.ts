/**
 * Zstd in blocks that are compressed on their own, so that Workers can share the work.
 *
 * Each block is a frame; frames one after the other are a stream (RFC 8878, 3). Deno's zstd is built without threads
 * (deno.md 2), so this is the only way to use more than one core. The bytes depend on content, block size and level.
 *
 * @module
 */
import { constants, zstdCompressSync } from "node:zlib";
import { KilnError } from "../errors.ts";

/** Bytes per frame. Costs 1.2 % in size at level 3 (1 MiB: 4.7 %, 8 MiB: nothing) */
export const ZSTD_BLOCK_BYTES = 4 * 1024 ** 2;

/** Used unless told otherwise, here as in the zstd command line and in kaniko. */
const DEFAULT_ZSTD_LEVEL = 3;

const MAX_LEVEL = 22;

/** More than zstd adds to what it cannot compress, and enough that Node takes no memory of its shared pool. */
const SLACK_BYTES = 65_536;

/** Compresses one block into a frame that tells its size. */
export function compressZstdBlock({ block, level }: {
  readonly block: Uint8Array;
  /** 1 to 22. */
  readonly level: number;
}): Uint8Array<ArrayBuffer> {
  const params = { [constants.ZSTD_c_compressionLevel]: level };
  // Room for all of the output, so that it is not put together from pieces.
  const compressed = zstdCompressSync(block, { params, chunkSize: block.length + SLACK_BYTES });
  return new Uint8Array(compressed.buffer, compressed.byteOffset, compressed.length);
}

/**
 * Returns the level to use. kaniko takes 1 to 22 and maps them to four speeds of its encoder; here they are zstd's own.
 *
 * @throws {KilnError} usage, unless it is 1 to 22
 */
export function zstdLevel(level: number | undefined): number {
  if (level === undefined) return DEFAULT_ZSTD_LEVEL;
  if (Number.isInteger(level) && level >= 1 && level <= MAX_LEVEL) return level;
  throw new KilnError("usage", `Cannot compress with zstd level ${level}: the levels are 1 to ${MAX_LEVEL}`);
}
