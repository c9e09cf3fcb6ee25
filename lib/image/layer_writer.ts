/**
 * Writing a layer's blob: the tar's digest, compression by several Workers, the blob's digest, and the file.
 *
 * The tar is cut into blocks of fixed size that are compressed independently (pigz's way: a raw deflate stream whose
 * blocks see the 32 KiB before them), so the bytes depend only on content and level, never on the number of Workers.
 * At most a few blocks are in memory.
 *
 * @module
 */
import { createHash } from "node:crypto";
import type { BytePath } from "../io/byte_path.ts";
import { type BlockFormat, blockFormatOf, type CompressRequest } from "../io/block_format.ts";
import { releaseBuffer } from "../io/release_buffer.ts";
import { digestOfHex } from "../oci/digest.ts";
import { AT_FDCWD, close, O, openAt, writeAll } from "../sys/file.ts";
import type { PackedLayer, PackOptions } from "./packer.ts";

/** Blocks that may wait for compression or for their turn to be written. */
const MAX_IN_FLIGHT = 6;

/** Compresses one block, here or elsewhere. */
export type Compressor = (request: CompressRequest) => Promise<Uint8Array<ArrayBuffer>>;

/** Takes the bytes of one tar and writes its blob. */
export class LayerWriter {
  readonly #format: BlockFormat;
  readonly #compress: Compressor;
  readonly #options: PackOptions;
  readonly #fd: number;
  readonly #tarHash = createHash("sha256");
  readonly #blobHash = createHash("sha256");
  readonly #inFlight: Promise<void>[] = [];
  #tail: Promise<void> = Promise.resolve();
  #block: Uint8Array<ArrayBuffer>;
  #used = 0;
  #size = 0;
  #failure: unknown;
  #isClosed = false;

  constructor(output: BytePath, options: PackOptions, compress: Compressor) {
    this.#format = blockFormatOf(options.compression, options.level);
    this.#options = options;
    this.#compress = compress;
    this.#block = new Uint8Array(this.#format.blockBytes);
    this.#fd = openAt(AT_FDCWD, output, O.WRONLY | O.CREAT | O.EXCL, 0o644);
    this.#put(this.#format.header());
  }

  /** Whether so many blocks are under way that the caller should `drain` before it writes more. */
  get full(): boolean {
    return this.#inFlight.length >= MAX_IN_FLIGHT;
  }

  /** Takes bytes of the tar; they are copied. */
  write(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length;) {
      const count = Math.min(chunk.length - at, this.#block.length - this.#used);
      this.#block.set(at === 0 && count === chunk.length ? chunk : chunk.subarray(at, at + count), this.#used);
      this.#used += count;
      at += count;
      if (this.#used === this.#block.length) this.#seal(false);
    }
  }

  /** Waits until there is room for another block. @throws what compressing or writing threw */
  async drain(): Promise<void> {
    while (this.full) await this.#inFlight[0];
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Ends the blob. */
  async finish(entries: number): Promise<PackedLayer> {
    this.#seal(true);
    await this.#tail;
    if (this.#failure !== undefined) throw this.#failure;
    this.#put(this.#format.trailer());
    this.#close();
    return {
      diffId: digestOfHex(this.#tarHash.digest("hex")),
      digest: digestOfHex(this.#blobHash.digest("hex")),
      size: this.#size,
      compression: this.#options.compression,
      entries,
    };
  }

  /** Closes the file of a blob that will not be finished. Waits until no block is on its way to it any more. */
  async abandon(): Promise<void> {
    this.#failure ??= new Error("The layer was abandoned");
    await this.#tail;
    this.#close();
  }

  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    close(this.#fd);
  }

  /** Sends the current block off; its result is written when those before it are. */
  #seal(last: boolean): void {
    const block = this.#block.subarray(0, this.#used);
    this.#tarHash.update(block);
    const request = this.#format.request(block, last);
    if (!last) this.#block = new Uint8Array(this.#format.blockBytes);
    this.#used = 0;
    const compressed = this.#compress(request);
    const written = this.#tail.then(async () => {
      const bytes = await compressed;
      if (this.#failure === undefined) this.#put(bytes);
      releaseBuffer(bytes.buffer);
    }).catch((error) => {
      this.#failure ??= error;
    });
    // The result may fail before its turn comes; it is heard in `written`.
    compressed.catch(() => {});
    this.#tail = written;
    this.#inFlight.push(written);
    void written.then(() => this.#inFlight.splice(this.#inFlight.indexOf(written), 1));
  }

  #put(bytes: Uint8Array<ArrayBuffer>): void {
    if (bytes.length === 0) return;
    this.#blobHash.update(bytes);
    this.#size += bytes.length;
    writeAll(this.#fd, bytes);
  }
}
