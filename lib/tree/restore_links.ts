/**
 * Keeping hard links linked across overlay layers.
 *
 * When a command writes to one name of a lower file with several, overlayfs (index=on) shows the new content under
 * all names, but only the name used is in the upper directory. Once that directory is a lower layer itself, the
 * others would show the old content again. So every other name still visible is made in the upper directory, too.
 *
 * @module
 */
import type { BytePath } from "../io/byte_path.ts";
import { listDirectory } from "../sys/directory.ts";
import * as files from "../sys/file.ts";
import { inodeKey, isDirectory, statAt, tryStatAt } from "../sys/stat.ts";
import { readXattr } from "../sys/xattr.ts";
import type { LayerDirectory } from "./layer_directory.ts";
import { joinPath, splitPath } from "./open_directories.ts";
import { isOpaque } from "./overlay_marks.ts";
import { addAsBelow } from "./settle_layer.ts";

/** Set by overlayfs on what it copied up, and on nothing a command made itself. */
const ORIGIN_XATTR = "trusted.overlay.origin";

/** Makes the missing names in the upper directory at descriptor `upper`. The overlay must not be mounted. */
export function restoreLinks(upper: number, lower: LayerDirectory): void {
  const copied = new Map<string, BytePath>();
  collectCopiedUp({ directory: upper, path: "", lower }, copied);
  if (copied.size === 0) return;
  for (const { path, inode } of namesOf(copied, lower, "")) {
    const source = copied.get(inode);
    if (source === undefined || source === path || !isVisible(upper, path)) continue;
    addAsBelow(upper, path, lower, (directory) => {
      files.makeLink({ directory: upper, name: source }, { directory, name: splitPath(path).name });
    });
  }
}

/** Finds files of the upper directory that were copied up from a file with several names. */
function collectCopiedUp(
  place: { directory: number; path: BytePath; lower: LayerDirectory },
  copied: Map<string, BytePath>,
): void {
  for (const name of listDirectory(place.directory)) {
    const stat = statAt(place.directory, name);
    const path = joinPath(place.path, name);
    if (isDirectory(stat)) {
      using lower = place.lower.enter(name);
      if (lower === undefined) continue;
      const directory = files.openAt(place.directory, name, files.O.RDONLY | files.O.DIRECTORY | files.O.NOFOLLOW);
      try {
        collectCopiedUp({ directory, path, lower }, copied);
      } finally {
        files.close(directory);
      }
    } else {
      const below = place.lower.lookup(name);
      if (below === undefined || below.stat.nlink < 2 || isDirectory(below.stat)) continue;
      if (readXattr(place.directory, name, ORIGIN_XATTR) !== undefined) copied.set(inodeKey(below.stat), path);
    }
  }
}

function* namesOf(
  wanted: ReadonlyMap<string, unknown>,
  directory: LayerDirectory,
  path: BytePath,
): Generator<{ path: BytePath; inode: string }> {
  for (const name of directory.names()) {
    const found = directory.lookup(name);
    if (found === undefined) continue;
    if (isDirectory(found.stat)) {
      using child = directory.enter(name);
      if (child !== undefined) yield* namesOf(wanted, child, joinPath(path, name));
    } else if (found.stat.nlink > 1 && wanted.has(inodeKey(found.stat))) {
      yield { path: joinPath(path, name), inode: inodeKey(found.stat) };
    }
  }
}

/** Whether a lower path still shows through: nothing in the upper directory replaces it or a directory above it. */
function isVisible(upper: number, path: BytePath): boolean {
  const parts = path.split("/");
  for (let depth = 1; depth <= parts.length; depth++) {
    const here = parts.slice(0, depth).join("/");
    const stat = tryStatAt(upper, here);
    if (stat === undefined) return true;
    if (!isDirectory(stat) || isOpaque(upper, here)) return false;
  }
  return false;
}
