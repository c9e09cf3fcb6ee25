/**
 * Reads a tar archive from a stream of byte pieces.
 *
 * @module
 */
import type { TarHandler } from "./handler.ts";
import type { TarLimits } from "./limits.ts";
import { TarReader } from "./reader.ts";

/**
 * Reads a whole archive, to the end of the stream and not only to the end marker, so that everything that taps the
 * stream (digests, sizes) has seen all of it (ggcr#2303, pains-and-security.md S27).
 *
 * @throws {KilnError} integrity for a malformed archive; whatever the stream or the handler throws.
 */
export async function readTarStream(
  stream: AsyncIterable<Uint8Array>,
  options: { readonly handler: TarHandler; readonly limits?: Partial<TarLimits> },
): Promise<void> {
  const reader = new TarReader(options.handler, options.limits);
  for await (const chunk of stream) reader.push(chunk);
  reader.end();
}
