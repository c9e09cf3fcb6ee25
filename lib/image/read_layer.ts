/**
 * From a layer's blob to its tar.
 *
 * A layer whose media type says it is compressed is read as its first bytes tell: gzip, zstd or not at all. Runtimes
 * (containerd, Docker, Podman) do the same, so images with the wrong type run everywhere, and what is read is held
 * against the diff ID all the same (pains-and-security.md S25). A layer that is said not to be compressed is a tar,
 * whatever it begins with.
 *
 * @module
 */
import { detectCompression, MAGIC_BYTES, type StreamCompression } from "../io/compression.ts";
import { decompress } from "../io/decompress.ts";
import { counting } from "../io/counting.ts";
import { EXPANSION_HINT, type ExpansionLimits, limitExpansion } from "../io/expansion_limit.ts";
import { peek } from "../io/peek.ts";
import type { Compression } from "../oci/media_type.ts";

/** How to read it. */
export interface LayerReading {
  /** What the media type says. */
  readonly compression: Compression;
  /** How far the layer may expand; `DEFAULT_EXPANSION_LIMITS` unless told. */
  readonly expansion?: ExpansionLimits;
}

/**
 * Yields the bytes of a layer's tar; a piece is only valid until the next one is asked for.
 *
 * @throws {KilnError} kind `integrity`, if it is damaged or expands too far
 */
export async function* readLayer(
  blob: AsyncIterable<Uint8Array>,
  { compression, expansion }: LayerReading,
): AsyncGenerator<Uint8Array> {
  if (compression === "none") return yield* blob;
  const input = counting(blob);
  const { head, stream } = await peek(input.stream, MAGIC_BYTES);
  yield* limitExpansion(decompress(stream, layerCompression(head)), {
    inputBytes: input.count,
    what: "it",
    hint: EXPANSION_HINT,
    ...(expansion === undefined ? {} : { limits: expansion }),
  });
}

/** Layers are never bzip2 or xz; such a blob fails as the tar it is not. */
function layerCompression(head: Uint8Array): StreamCompression {
  const found = detectCompression(head);
  return found === "gzip" || found === "zstd" ? found : "none";
}
