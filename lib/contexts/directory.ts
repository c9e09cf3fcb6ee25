/**
 * A directory of this machine as build context: the one that was named, or the one a source was fetched into.
 *
 * @module
 */
import { basename, dirname, join, relative } from "node:path/posix";
import { KilnError } from "../errors.ts";
import { type BytePath, bytePathOf } from "../io/byte_path.ts";
import { explainSysError, SysError } from "../sys/errno.ts";
import type { FileTree } from "../tree/file_tree.ts";
import { splitIgnoreLines } from "../tree/ignore.ts";
import { readFileIn } from "../tree/read_file_in.ts";
import { realDirectory } from "../tree/real_path.ts";

/** Ignore files are lists of patterns; this is far more than anybody writes. */
const MAX_IGNORE_BYTES = 4 * 1024 * 1024;

/** A context that is there. */
export interface LocatedContext {
  /** The whole context. Absolute. */
  readonly directory: string;
  /** The directory within it that takes its place; "" for none. */
  readonly subPath: string;
  /** What COPY sees: the one in the other, without symlinks. */
  readonly root: BytePath;
  /** Whether it was fetched: whoever made it is not trusted, and no symlink in it is followed out of it. */
  readonly fetched: boolean;
  /** For people: `"/workspace"`, `the archive on stdin`. */
  readonly description: string;
}

/** What there is to locate. */
export interface ContextToLocate extends Pick<LocatedContext, "directory" | "subPath" | "fetched" | "description"> {
  /** Of a context of `--build-context`. */
  readonly name?: string;
  /** What helps if it is not there. */
  readonly hint?: string;
}

/**
 * Finds the root of a context, which is resolved without leaving it.
 *
 * @throws {KilnError} kind `context`, if it is not there or no directory.
 */
export function locateContext(context: ContextToLocate): LocatedContext {
  const { hint, name, ...known } = context;
  const { directory, subPath, fetched, description } = known;
  try {
    return { ...known, root: realDirectory(bytePathOf(directory), bytePathOf(subPath)) };
  } catch (error) {
    const shown = fetched
      ? `"${subPath}" of ${description}`
      : `"${subPath === "" ? directory : join(directory, subPath)}"`;
    const what = name === undefined ? `use the build context ${shown}` : `use ${shown} as the context "${name}"`;
    if (!(error instanceof SysError && error.is("ENOENT", "ENOTDIR"))) throw explainSysError(error, what, "context");
    const missing = error.is("ENOENT");
    // Arguments are text: of other bytes nothing is left but this sign.
    if (missing && !fetched && shown.includes("\ufffd")) {
      throw new KilnError("context", `Cannot ${what}: its path is not UTF-8`, {
        cause: error,
        hint: "make a symlink to it and name that",
      });
    }
    const archive = `an archive is ${name === undefined ? "--context=" : `--build-context ${name}=`}tar://FILE`;
    const meant = hint ?? (missing || fetched || subPath !== "" ? undefined : archive);
    throw new KilnError("context", `Cannot ${what}: ${missing ? "it does not exist" : "it is not a directory"}`, {
      cause: error,
      ...(meant === undefined ? {} : { hint: meant }),
    });
  }
}

/** Where a Dockerfile was found. */
export type DockerfilePlace =
  /** Absolute, as this machine sees it. */
  | { readonly kind: "host"; readonly path: string }
  /** In a context that was fetched, relative to the whole of it. */
  | { readonly kind: "context"; readonly path: string };

/** An ignore file: where it was found, for messages, and its lines. */
export interface IgnoreFile {
  readonly name: string;
  readonly lines: readonly BytePath[];
}

/**
 * Finds the rules of what is not in the context: `<Dockerfile>.dockerignore` beside the Dockerfile if there is one,
 * else `.dockerignore` in the context's root (dockerfile.md 4.1).
 *
 * @param dockerfile where the Dockerfile was found; absent where nothing can lie beside it.
 */
export function findIgnoreFile(
  context: LocatedContext,
  dockerfile: DockerfilePlace | undefined,
): IgnoreFile | undefined {
  if (dockerfile !== undefined) {
    const path = `${dockerfile.path}.dockerignore`;
    const own = dockerfile.kind === "host"
      ? readOwn(path)
      : readFileIn(bytePathOf(context.directory), bytePathOf(path), MAX_IGNORE_BYTES);
    if (own !== undefined) return { name: path, lines: splitIgnoreLines(own) };
  }
  const bytes = readFileIn(context.root, ".dockerignore", MAX_IGNORE_BYTES);
  return bytes === undefined ? undefined : { name: ".dockerignore", lines: splitIgnoreLines(bytes) };
}

/** What else makes a tree of a context. */
export interface ContextTreeOptions {
  /**
   * Absolute paths that the build itself writes to. What is there, and when, depends on how far the build is, so it is
   * not part of the context: `--oci-layout-path=out` does not put `out` into the image.
   */
  readonly written: readonly string[];
  /** For messages. */
  readonly description?: string;
}

/** Returns a context as COPY sees it: without what is ignored, and everything owned by root. */
export function contextTree(
  root: BytePath,
  ignore: IgnoreFile | undefined,
  { written, description = "the build context" }: ContextTreeOptions,
): FileTree {
  const own = written.flatMap((path) => linesOf(root, path));
  const lines = [...ignore?.lines ?? [], ...own];
  return {
    root,
    kind: "context",
    description,
    owner: { uid: 0, gid: 0 },
    ...(lines.length === 0 ? {} : { ignore: lines }),
  };
}

/** Returns the pattern of a path, if it is inside the context. */
function linesOf(root: BytePath, path: string): readonly BytePath[] {
  const inside = relative(root, bytePathOf(realPathOf(path)));
  return inside === "" || inside === ".." || inside.startsWith("../")
    ? []
    : [`/${inside.replaceAll(/[\\*?[\]]/g, "\\$&")}`];
}

/** The path without symlinks, as far as it exists. */
function realPathOf(path: string): string {
  try {
    return Deno.realPathSync(path);
  } catch {
    return dirname(path) === path ? path : join(realPathOf(dirname(path)), basename(path));
  }
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
