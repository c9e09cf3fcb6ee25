/**
 * The digesting job: digests of a file that may still be growing.
 *
 * MD5 and CRC-32 are no protection against an attacker; they are what object stores keep of their objects, and find
 * what was damaged or put together wrongly on the way. For 512 MiB, MD5 takes 1.6 s, SHA-256 0.5 s and CRC-32 next to
 * nothing (Deno 2.9.6, with the instructions of today's processors).
 *
 * @module
 */
import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import { followFile } from "./follow_file.ts";

/** What can be computed. */
export type DigestAlgorithm = "sha256" | "crc32" | "md5";

/** The file. */
export interface DigestFileRequest {
  readonly path: string;
  /** See `followFile`. */
  readonly progress?: SharedArrayBuffer;
  readonly algorithms: readonly DigestAlgorithm[];
}

/** Returns the digests of the whole file in lower-case hexadecimal, in the order of the algorithms. */
export async function digestFile({ path, progress, algorithms }: DigestFileRequest): Promise<readonly string[]> {
  const hashes = algorithms.map((algorithm): Hash => algorithm === "crc32" ? new Crc32() : createHash(algorithm));
  for await (const chunk of followFile({ path, finalPath: path }, progress)) {
    for (const hash of hashes) hash.update(chunk);
  }
  return hashes.map((hash) => hash.digest("hex"));
}

interface Hash {
  update(bytes: Uint8Array): unknown;
  digest(encoding: "hex"): string;
}

class Crc32 implements Hash {
  #value = 0;

  update(bytes: Uint8Array): void {
    this.#value = crc32(bytes, this.#value);
  }

  digest(): string {
    return this.#value.toString(16).padStart(8, "0");
  }
}
