/**
 * `--context-checksum`: an archive that must have a digest.
 *
 * @module
 */
import { KilnError } from "../errors.ts";
import { digesting } from "../io/digest_stream.ts";
import { type Digest, digestOfHex } from "../oci/digest.ts";

/**
 * Passes on a stream. @throws {KilnError} kind `integrity`, at the end, if its digest is another
 *
 * @param what the stream, for the message: `the archive "app.tar.gz"`.
 */
export async function* verified(
  stream: AsyncIterable<Uint8Array>,
  checksum: Digest,
  what: string,
): AsyncGenerator<Uint8Array> {
  const tap = digesting(stream);
  yield* tap.stream;
  const found = digestOfHex(tap.result().sha256);
  if (found !== checksum) {
    throw new KilnError("integrity", `Cannot use ${what}: its digest is ${found}, not that of --context-checksum`);
  }
}
