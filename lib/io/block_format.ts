/**
 * Compressed streams made of blocks: what stands around them, and what it takes to compress one.
 *
 * One side cuts the content into blocks and keeps the running state (`BlockFormat`); compressing a block needs nothing
 * but its request, so it can be done in any order, in any Worker.
 *
 * @module
 */
import {
  compressGzipBlock,
  GZIP_BLOCK_BYTES,
  GZIP_WINDOW_BYTES,
  gzipChecksum,
  gzipHeader,
  gzipLevel,
  gzipTrailer,
} from "./block_gzip.ts";
import { compressZstdBlock, ZSTD_BLOCK_BYTES, zstdLevel } from "./block_zstd.ts";

/** One block to be compressed; plain data that can be sent to a Worker, `block` by transfer. */
export type CompressRequest = GzipRequest | ZstdRequest;

interface GzipRequest {
  readonly kind: "gzip";
  readonly block: Uint8Array<ArrayBuffer>;
  readonly last: boolean;
  readonly level: number;
  /** What the block may refer to; a copy. */
  readonly dictionary: Uint8Array<ArrayBuffer>;
}

interface ZstdRequest {
  readonly kind: "zstd";
  readonly block: Uint8Array<ArrayBuffer>;
  readonly last: boolean;
  readonly level: number;
  /** Whether an empty block makes a frame: only if the whole stream is empty. */
  readonly frameIfEmpty: boolean;
}

/** The state of one stream. Call `header`, then `request` for each block in order, then `trailer`. */
export interface BlockFormat {
  /** Bytes of every block but the last, which may be shorter or empty. */
  readonly blockBytes: number;
  /** Returns what stands before the first block. */
  header(): Uint8Array<ArrayBuffer>;
  /** Takes the next block into account and returns what compressing it needs. */
  request(block: Uint8Array<ArrayBuffer>, last: boolean): CompressRequest;
  /** Returns what stands behind the last block. */
  trailer(): Uint8Array<ArrayBuffer>;
}

/** Returns a new stream. @throws {KilnError} usage for a level the compression does not have */
export function blockFormatOf(compression: "gzip" | "zstd", level?: number): BlockFormat {
  return compression === "gzip" ? new GzipFormat(gzipLevel(level)) : new ZstdFormat(zstdLevel(level));
}

/** Returns the buffers of a request that move to the Worker; nobody else holds them. */
export function buffersOf(request: CompressRequest): ArrayBuffer[] {
  return request.kind === "gzip" ? [request.block.buffer, request.dictionary.buffer] : [request.block.buffer];
}

/** Compresses one block. The result owns its buffer. */
export function compressBlock(request: CompressRequest): Uint8Array<ArrayBuffer> {
  if (request.kind === "gzip") return compressGzipBlock(request);
  if (request.block.length === 0 && !request.frameIfEmpty) return new Uint8Array(0);
  return compressZstdBlock(request);
}

class GzipFormat implements BlockFormat {
  readonly blockBytes = GZIP_BLOCK_BYTES;
  readonly #level: number;
  #dictionary: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  #checksum = 0;
  #size = 0;

  constructor(level: number) {
    this.#level = level;
  }

  header(): Uint8Array<ArrayBuffer> {
    return gzipHeader();
  }

  request(block: Uint8Array<ArrayBuffer>, last: boolean): GzipRequest {
    const dictionary = this.#dictionary;
    this.#checksum = gzipChecksum(block, this.#checksum);
    this.#size += block.length;
    this.#dictionary = block.slice(Math.max(0, block.length - GZIP_WINDOW_BYTES));
    return { kind: "gzip", block, last, level: this.#level, dictionary };
  }

  trailer(): Uint8Array<ArrayBuffer> {
    return gzipTrailer({ checksum: this.#checksum, size: this.#size });
  }
}

class ZstdFormat implements BlockFormat {
  readonly blockBytes = ZSTD_BLOCK_BYTES;
  readonly #level: number;
  #first = true;

  constructor(level: number) {
    this.#level = level;
  }

  header(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(0);
  }

  request(block: Uint8Array<ArrayBuffer>, last: boolean): ZstdRequest {
    const frameIfEmpty = this.#first;
    this.#first = false;
    return { kind: "zstd", block, last, level: this.#level, frameIfEmpty };
  }

  trailer(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(0);
  }
}
