/**
 * Unpacking an archive from a stream of bytes: the one way for ADD, for build contexts and for what a URL brings.
 *
 * How the stream is compressed is told by its first bytes, never by a name.
 *
 * @module
 */
import { KilnError } from "../errors.ts";
import type { BytePath } from "../io/byte_path.ts";
import { detectCompression, MAGIC_BYTES } from "../io/compression.ts";
import { decompress } from "../io/decompress.ts";
import { counting } from "../io/counting.ts";
import { EXPANSION_HINT, type ExpansionLimits, limitExpansion } from "../io/expansion_limit.ts";
import { peek } from "../io/peek.ts";
import { NewestFile } from "../tar/newest_file.ts";
import { TarReader } from "../tar/reader.ts";
import { LayerExtractor } from "./extract.ts";
import type { Ids } from "./recorded.ts";
import type { Metadata } from "./metadata_access.ts";

/** Where an archive is unpacked. */
export interface ArchiveTarget {
  /** Descriptor of the rootfs, inside which symlinks on the way are followed. */
  readonly root: number;
  /** The directory in it, symlinks resolved. */
  readonly path: BytePath;
  /** Owner of every entry, instead of the archive's. */
  readonly owner: Ids | undefined;
  readonly metadata: Metadata;
}

/** What is being unpacked. */
export interface ArchiveFacts {
  /** For messages: `the archive "app.tar.gz"`. */
  readonly what: string;
  readonly limits?: ExpansionLimits;
}

/**
 * Unpacks an archive.
 *
 * @returns the time of its newest regular file, if there is one.
 * @throws {KilnError} kind `integrity`, if it is damaged, empty, or expands too far; what is there then is of no use.
 */
export async function unpackStream(
  stream: AsyncIterable<Uint8Array>,
  target: ArchiveTarget,
  facts: ArchiveFacts,
): Promise<Date | undefined> {
  const { root, path, owner, metadata } = target;
  const options = { form: "archive", under: path, metadata, ...(owner === undefined ? {} : { owner }) } as const;
  const extractor = new LayerExtractor(root, options);
  try {
    const newest = new NewestFile(extractor);
    const reader = new TarReader(newest);
    for await (const chunk of plainBytes(stream, facts)) reader.push(chunk);
    reader.end();
    extractor.finish();
    return newest.time;
  } catch (error) {
    extractor.abandon();
    throw error;
  }
}

/**
 * Decompresses a stream, whatever it is compressed with. A piece is only valid until the next one is asked for.
 *
 * @throws {KilnError} kind `integrity`, also if it is empty.
 */
export async function* plainBytes(
  stream: AsyncIterable<Uint8Array>,
  { what, limits }: ArchiveFacts,
): AsyncGenerator<Uint8Array> {
  const input = counting(stream);
  const { head, stream: whole } = await peek(input.stream, MAGIC_BYTES);
  if (head.length === 0) throw new KilnError("integrity", "Cannot read the archive: it is empty");
  yield* limitExpansion(decompress(whole, detectCompression(head)), {
    inputBytes: input.count,
    what,
    hint: EXPANSION_HINT,
    ...(limits === undefined ? {} : { limits }),
  });
}
