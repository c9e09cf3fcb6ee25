/**
 * The Worker's side of unpacking a context's archive.
 *
 * @module
 */
import { KilnError } from "../errors.ts";
import type { BytePath } from "../io/byte_path.ts";
import type { ExpansionLimits } from "../io/expansion_limit.ts";
import { followFile } from "../io/follow_file.ts";
import { close, openDirectory } from "../sys/file.ts";
import { unpackStream } from "../tree/unpack_stream.ts";

/** What to unpack where. */
export interface UnpackRequest {
  readonly path: string;
  readonly finalPath: string;
  /** See `followFile`. */
  readonly progress?: SharedArrayBuffer;
  /** For messages: `the archive "app.tar.gz"`. */
  readonly what: string;
  /** An existing directory. */
  readonly directory: BytePath;
  readonly limits: ExpansionLimits;
}

/** Files of a context belong to root in the image, whoever packed them. */
const ROOT = { uid: 0, gid: 0 } as const;

/** Unpacks one archive. @throws {KilnError} as `unpackStream`, naming the archive */
export async function unpackContext(request: UnpackRequest): Promise<void> {
  const { what, directory, limits } = request;
  const root = openDirectory(directory);
  try {
    const content = followFile(request, request.progress);
    await unpackStream(content, { root, path: "", owner: ROOT }, { what, limits });
  } catch (error) {
    throw error instanceof KilnError && error.kind === "integrity" ? error.within(`use ${what}`) : error;
  } finally {
    close(root);
  }
}
