/**
 * What of a stack of overlay layers still shows through a layer above it.
 *
 * Files with several names need it: a layer that has a new copy of such a file must have it under every name that would
 * otherwise show the old one.
 *
 * @module
 */
import type { BytePath } from "../io/byte_path.ts";
import * as files from "../sys/file.ts";
import { isDirectory, tryStatAt } from "../sys/stat.ts";
import type { LayerDirectory } from "./layer_directory.ts";
import type { Located } from "./metadata.ts";
import { joinPath } from "./open_directories.ts";
import { isOpaque } from "./overlay_marks.ts";

/** A directory below and its counterpart in the upper layer. */
interface Place {
  readonly lower: LayerDirectory;
  /** Undefined if the upper layer does not have it: everything below shows through. */
  readonly upper: number | undefined;
  readonly path: BytePath;
}

/** A name that shows a file below, and what {@link namesBelow} was told about that file. */
export interface NameBelow<T> {
  readonly path: BytePath;
  readonly what: T;
}

/**
 * Yields every name of files below with several names that the upper layer neither has nor hides, if `tell` knows
 * something about the file.
 */
export function namesBelow<T>(
  lower: LayerDirectory,
  upper: number,
  tell: (found: Located) => T | undefined,
): Generator<NameBelow<T>> {
  return walk({ lower, upper, path: "" }, tell);
}

function* walk<T>(place: Place, tell: (found: Located) => T | undefined): Generator<NameBelow<T>> {
  const { lower, upper } = place;
  for (const name of lower.names()) {
    const found = lower.lookup(name);
    const above = upper === undefined ? undefined : tryStatAt(upper, name);
    if (found === undefined || (above !== undefined && !isDirectory(above))) continue;
    const path = joinPath(place.path, name);
    if (isDirectory(found.stat)) {
      using child = lower.enter(name);
      if (child === undefined) continue;
      if (upper === undefined || above === undefined) yield* walk({ lower: child, upper: undefined, path }, tell);
      else yield* walkOwn({ lower: child, upper, path }, name, tell);
    } else if (above === undefined && found.stat.nlink > 1) {
      const what = tell(found);
      if (what !== undefined) yield { path, what };
    }
  }
}

/** As `walk`, for a directory that the upper layer has in its directory `upper`. */
function* walkOwn<T>(
  { lower, upper, path }: Place & { readonly upper: number },
  name: BytePath,
  tell: (found: Located) => T | undefined,
): Generator<NameBelow<T>> {
  const own = files.openAt(upper, name, files.O.RDONLY | files.O.DIRECTORY | files.O.NOFOLLOW);
  try {
    if (!isOpaque(own, "")) yield* walk({ lower, upper: own, path }, tell);
  } finally {
    files.close(own);
  }
}

/** Tells whether what is at `path` below shows through the upper layer with its root at `upper`. */
export function showsThrough(upper: number, path: BytePath): boolean {
  const slash = path.indexOf("/");
  const name = slash < 0 ? path : path.slice(0, slash);
  const above = tryStatAt(upper, name);
  if (above === undefined) return true;
  if (slash < 0 || !isDirectory(above)) return false;
  const own = files.openAt(upper, name, files.O.RDONLY | files.O.DIRECTORY | files.O.NOFOLLOW);
  try {
    return !isOpaque(own, "") && showsThrough(own, path.slice(slash + 1));
  } finally {
    files.close(own);
  }
}
