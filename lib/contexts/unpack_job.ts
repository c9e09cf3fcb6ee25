/**
 * The Worker's side of unpacking a context's archive.
 *
 * @module
 */
import { KilnError } from "../errors.ts";
import type { BytePath } from "../io/byte_path.ts";
import type { ExpansionLimits } from "../io/expansion_limit.ts";
import { readRing } from "../io/byte_ring.ts";
import { type DigestAlgorithm, Digests } from "../io/digests.ts";
import { followFile } from "../io/follow_file.ts";
import { peek } from "../io/peek.ts";
import { close, openDirectory } from "../sys/file.ts";
import type { Metadata } from "../tree/metadata_access.ts";
import { unpackStream } from "../tree/unpack_stream.ts";
import { foreignFormat, FORMAT_BYTES } from "./foreign_format.ts";

/** Where an archive comes from. */
export type ArchiveContent =
  /** See `followFile`; without `progress` it is complete. */
  | {
    readonly kind: "file";
    readonly path: string;
    readonly finalPath: string;
    readonly progress?: SharedArrayBuffer;
  }
  /** See `readRing`. */
  | { readonly kind: "ring"; readonly ring: SharedArrayBuffer };

/** What to unpack where. */
export interface UnpackRequest {
  readonly content: ArchiveContent;
  /** For messages: `the archive "app.tar.gz"`. */
  readonly what: string;
  /** An existing directory. */
  readonly directory: BytePath;
  readonly limits: ExpansionLimits;
  /** What to compute of the archive as it comes. */
  readonly digests: readonly DigestAlgorithm[];
}

/** Files of a context belong to root in the image, whoever packed them. */
const ROOT = { uid: 0, gid: 0 } as const;

/** What came out about an archive. */
export interface UnpackedArchive {
  /** In hexadecimal, of the archive as it came. */
  readonly digests: readonly string[];
  /** That of its newest regular file. */
  readonly time?: Date;
}

/** Unpacks one archive. @throws {KilnError} as `unpackStream`, naming the archive */
export async function unpackContext(request: UnpackRequest, metadata: Metadata): Promise<UnpackedArchive> {
  const { content, what, directory, limits } = request;
  const digests = new Digests(request.digests);
  const root = openDirectory(directory);
  try {
    const bytes = content.kind === "ring" ? readRing(content.ring) : followFile(content, content.progress);
    const { head, stream } = await peek(digests.tap(bytes), FORMAT_BYTES);
    const target = { root, path: "", owner: ROOT, metadata } as const;
    const time = await unpackStream(stream, target, { what, limits }).catch((error) => {
      throw isDamage(error) ? foreignFault(head) ?? error : error;
    });
    return { digests: digests.hex(), ...(time === undefined ? {} : { time }) };
  } catch (error) {
    throw isDamage(error) ? error.within(`use ${what}`) : error;
  } finally {
    close(root);
  }
}

function isDamage(error: unknown): error is KilnError {
  return error instanceof KilnError && error.kind === "integrity";
}

/** Says what it is that is no archive, if that can be told. */
function foreignFault(head: Uint8Array): KilnError | undefined {
  const foreign = foreignFormat(head);
  return foreign && new KilnError("integrity", `Cannot read the archive: ${foreign.found}`, { hint: foreign.hint });
}
