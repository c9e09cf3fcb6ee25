/**
 * Kinds of compression, told apart by the first bytes.
 *
 * Media types say how a layer is meant to be compressed; archives in a context or behind a URL say nothing, and there
 * the bytes decide, as they do in Docker.
 *
 * @module
 */

/** How a stream of bytes is compressed. */
export type StreamCompression = "none" | "gzip" | "zstd" | "bzip2" | "xz";

/** How many first bytes `detectCompression` needs to tell every kind. */
export const MAGIC_BYTES = 6;

const MAGICS: readonly (readonly [Exclude<StreamCompression, "none">, readonly number[]])[] = [
  // RFC 1952: ID1, ID2 and CM, which has only ever been 8
  ["gzip", [0x1f, 0x8b, 0x08]],
  // RFC 8878: a frame
  ["zstd", [0x28, 0xb5, 0x2f, 0xfd]],
  // "BZh"
  ["bzip2", [0x42, 0x5a, 0x68]],
  ["xz", [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
];

/** Returns how a stream that begins with `head` is compressed; "none" if it is none of the kinds known. */
export function detectCompression(head: Uint8Array): StreamCompression {
  for (const [kind, magic] of MAGICS) {
    if (magic.every((byte, at) => head[at] === byte)) return kind;
  }
  return isSkippableFrame(head) ? "zstd" : "none";
}

/** RFC 8878, 3.1.2: 0x184D2A50 to 0x184D2A5F, little endian. pzstd begins its output with one. */
function isSkippableFrame(head: Uint8Array): boolean {
  return ((head[0] ?? 0) & 0xf0) === 0x50 && head[1] === 0x2a && head[2] === 0x4d && head[3] === 0x18;
}
