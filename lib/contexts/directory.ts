/**
 * A directory of this machine as build context.
 *
 * @module
 */
import { KilnError } from "../errors.ts";
import { type BytePath, bytePathOf } from "../io/byte_path.ts";
import { readFileIn } from "../tree/read_file_in.ts";
import { splitIgnoreLines } from "../tree/ignore.ts";
import type { FileTree } from "../tree/file_tree.ts";
import { realDirectory } from "../tree/real_path.ts";
import { SysError } from "../sys/errno.ts";

/** Ignore files are lists of patterns; this is far more than anybody writes. */
const MAX_IGNORE_BYTES = 4 * 1024 * 1024;

/**
 * Returns the context's own path without symlinks, or that of a directory in it, which is resolved without leaving it.
 *
 * @throws {KilnError} kind `context`, if it is not there or no directory.
 */
export function locateContext(path: string, subPath: string | undefined): BytePath {
  const shown = subPath === undefined ? path : `${path}/${subPath}`;
  try {
    return realDirectory(bytePathOf(path), subPath === undefined ? "" : bytePathOf(subPath));
  } catch (error) {
    if (!(error instanceof SysError)) throw error;
    const why = error.is("ENOENT")
      ? "it does not exist"
      : error.is("ENOTDIR")
      ? "it is not a directory"
      : error.message;
    throw new KilnError("context", `Cannot use the build context "${shown}": ${why}`, { cause: error });
  }
}

/** An ignore file: where it was found, for messages, and its lines. */
export interface IgnoreFile {
  readonly name: string;
  readonly lines: readonly BytePath[];
}

/**
 * Finds the rules of what is not in the context: `<Dockerfile>.dockerignore` beside the Dockerfile if there is one,
 * else `.dockerignore` in the context's root (dockerfile.md 4.1).
 *
 * @param dockerfile path of the Dockerfile.
 */
export function findIgnoreFile(context: BytePath, dockerfile: string): IgnoreFile | undefined {
  const own = readOwn(`${dockerfile}.dockerignore`);
  if (own !== undefined) return { name: `${dockerfile}.dockerignore`, lines: splitIgnoreLines(own) };
  const bytes = readFileIn(context, ".dockerignore", MAX_IGNORE_BYTES);
  return bytes === undefined ? undefined : { name: ".dockerignore", lines: splitIgnoreLines(bytes) };
}

/** Returns the context as COPY sees it: without what is ignored, and everything owned by root. */
export function contextTree(root: BytePath, ignore: IgnoreFile | undefined): FileTree {
  return {
    root,
    kind: "context",
    description: "the build context",
    owner: { uid: 0, gid: 0 },
    ...(ignore === undefined ? {} : { ignore: ignore.lines }),
  };
}

function readOwn(path: string): Uint8Array | undefined {
  try {
    return Deno.readFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return undefined;
    throw new KilnError("context", `Cannot read "${path}": ${error instanceof Error ? error.message : error}`, {
      cause: error,
    });
  }
}
