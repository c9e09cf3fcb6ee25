/**
 * Blobs on disk, one file per digest, for the time of one build.
 *
 * A blob gets its name only when it is complete and verified (written elsewhere in the directory, then renamed), so
 * whatever is found under a digest is that blob.
 *
 * @module
 */
import { type Digest, hexOf } from "../oci/digest.ts";
import type { BlobSource } from "./blob.ts";

const CHUNK_BYTES = 1 << 18;

/** A directory of blobs. */
export class BlobDirectory {
  readonly #path: string;
  #nextTemporary = 0;

  /** @param path an existing directory that belongs to this build alone. */
  constructor(path: string) {
    this.#path = path;
  }

  /** Returns the file a blob has, or will have. */
  pathOf(digest: Digest): string {
    return `${this.#path}/${hexOf(digest)}`;
  }

  /** Returns a new path in the same file system, to write a blob to before it has its name. */
  temporaryPath(): string {
    return `${this.#path}/new-${this.#nextTemporary++}`;
  }

  /** Gives a complete, verified file the name of its digest. */
  async adopt(temporaryPath: string, digest: Digest): Promise<string> {
    const path = this.pathOf(digest);
    await Deno.rename(temporaryPath, path);
    return path;
  }

  /** Tells whether a blob is here. */
  async has(digest: Digest): Promise<boolean> {
    try {
      return (await Deno.stat(this.pathOf(digest))).isFile;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return false;
      throw error;
    }
  }

  /** Returns a source that reads the blob's file, as often as asked. */
  source(digest: Digest): BlobSource {
    const path = this.pathOf(digest);
    return { open: (offset) => readFile(path, offset ?? 0) };
  }
}

/** Streams a file from an offset. Each chunk is a buffer of its own. */
export async function* readFile(path: string, offset: number): AsyncGenerator<Uint8Array> {
  using file = await Deno.open(path);
  if (offset > 0) await file.seek(offset, Deno.SeekMode.Start);
  for (;;) {
    const chunk = new Uint8Array(CHUNK_BYTES);
    const count = await file.read(chunk);
    if (count === null) return;
    yield chunk.subarray(0, count);
  }
}
