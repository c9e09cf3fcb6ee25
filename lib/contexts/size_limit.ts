/**
 * `--context-size-limit`: how much is downloaded, or read from stdin, at most.
 *
 * @module
 */
import { KilnError } from "../errors.ts";

/** The limit, and what it limits. */
export interface SizeLimit {
  readonly maxBytes: number;
  /** For the message: `the archive "https://example.com/app.tar.gz"`. */
  readonly what: string;
}

/** Passes on a stream. @throws {KilnError} kind `context`, as soon as it is too long */
export async function* limited(stream: AsyncIterable<Uint8Array>, limit: SizeLimit): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const chunk of stream) {
    bytes += chunk.length;
    checkSize(bytes, limit);
    yield chunk;
  }
}

/** Checks a number of bytes. @throws {KilnError} kind `context` */
export function checkSize(bytes: number, { maxBytes, what }: SizeLimit): void {
  if (bytes <= maxBytes) return;
  throw new KilnError("context", `Cannot fetch ${what}: it has more than ${maxBytes} bytes`, {
    hint: "raise --context-size-limit",
  });
}
