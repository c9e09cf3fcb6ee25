/**
 * The digesting job: the MD5 of a file that may still be growing.
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
}

/** Returns the MD5 of the whole file in lower-case hexadecimal. */
export async function digestFile({ path, progress }: DigestFileRequest): Promise<string> {
  const hash = createHash("md5");
  for await (const chunk of followFile({ path, finalPath: path }, progress)) hash.update(chunk);
  return hash.digest("hex");
}
