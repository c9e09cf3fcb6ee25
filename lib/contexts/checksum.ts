/**
 * `--context-checksum` and `ADD --checksum`: downloads that must have a digest.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { KilnError } from "../errors.ts";
import type { Checksum } from "../oci/digest.ts";

/** What a stream must be. */
export interface Expected {
  readonly checksum: Checksum;
  /** Where the checksum comes from: `--context-checksum` unless told. */
  readonly flag?: string;
}

/**
 * Passes on a stream.
 *
 * @throws {KilnError} kind `integrity`, at the end, if its digest is another.
 * @param what the stream, for the message: `the archive "app.tar.gz"`.
 */
export async function* verified(
  stream: AsyncIterable<Uint8Array>,
  { checksum, flag = "--context-checksum" }: Expected,
  what: string,
): AsyncGenerator<Uint8Array> {
  const algorithm = checksum.slice(0, checksum.indexOf(":"));
  const hash = createHash(algorithm);
  for await (const chunk of stream) {
    hash.update(chunk);
    yield chunk;
  }
  const found = `${algorithm}:${hash.digest("hex")}`;
  if (found !== checksum) {
    throw new KilnError("integrity", `Cannot use ${what}: its digest is ${found}, not that of ${flag}`);
  }
}
