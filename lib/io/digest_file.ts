/**
 * The digesting job: digests of a file that may still be growing.
 *
 * MD5 is no protection against an attacker; it is what object stores keep of their objects, and finds what was damaged
 * or put together wrongly on the way.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { followFile } from "./follow_file.ts";

/** The file. */
export interface DigestFileRequest {
  readonly path: string;
  /** See `followFile`. */
  readonly progress?: SharedArrayBuffer;
  readonly algorithms: readonly ("md5" | "sha256")[];
}

/** Returns the digests of the whole file in lower-case hexadecimal, in the order of the algorithms. */
export async function digestFile({ path, progress, algorithms }: DigestFileRequest): Promise<readonly string[]> {
  const hashes = algorithms.map((algorithm) => createHash(algorithm));
  for await (const chunk of followFile({ path, finalPath: path }, progress)) {
    for (const hash of hashes) hash.update(chunk);
  }
  return hashes.map((hash) => hash.digest("hex"));
}
