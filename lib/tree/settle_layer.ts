/**
 * Finishing an overlay layer that was unpacked alone, once the layers below it are there.
 *
 * Four things need them: directories the archive did not name (they must look as they do below, or be an error
 * where something else is there), the root directory if the archive did not name it, whiteouts where there is nothing to
 * hide, and hard links to files below (those are copied up first, as a running overlay would).
 *
 * @module
 */
import type { BytePath } from "../io/byte_path.ts";
import { listDirectory } from "../sys/directory.ts";
import * as files from "../sys/file.ts";
import { openInRoot, tryOpenInRoot } from "../sys/resolve.ts";
import { inodeKey, isDirectory, type Stat, statOf, tryStatAt } from "../sys/stat.ts";
import { applyMeta, copyEntry } from "./copy_entry.ts";
import type { LayerFindings } from "./extract.ts";
import { LayerDirectory } from "./layer_directory.ts";
import type { Located } from "./metadata.ts";
import { namesBelow, showsThrough } from "./names_below.ts";
import type { Metadata } from "./metadata_access.ts";
import { OpenDirectories, splitPath } from "./open_directories.ts";
import { isOpaque, isWhiteout } from "./overlay_marks.ts";
import { removeTree } from "./remove.ts";

/** A layer and the layers below it. */
export interface SettleRequest {
  readonly layer: BytePath;
  /** Lowest first; settled themselves. */
  readonly below: readonly BytePath[];
  readonly findings: LayerFindings;
}

/**
 * Settles a layer.
 *
 * @returns "conflict" if the layer cannot be read alone, because the parent of an entry or of the target of a hard link is
 *   a symlink below, or that target is not there: it must be unpacked again, onto the mounted stack, where all that is
 *   plain or an error.
 */
export function settleLayer(request: SettleRequest, metadata: Metadata): "settled" | "conflict" {
  const { findings } = request;
  using below = LayerDirectory.open(request.below, { metadata });
  if (below === undefined) return "settled";
  return withRoot(request.layer, (root) => {
    if (!findings.rootNamed) copyRootMeta(request.below.at(-1) ?? "", root, metadata);
    for (const path of findings.implied) {
      const outcome = below.locate(path, (found) => settleDirectory(root, path, { found, metadata }));
      if (outcome === "conflict") return "conflict";
    }
    for (const path of findings.whiteoutParents) dropIdleWhiteouts(root, path, below);
    return linkAll(root, findings.foreignLinks, { lower: below, metadata });
  });
}

/** Gives the root directory of one layer the owner, mode and attributes of another's. */
export function copyRootMeta(from: BytePath, root: number, metadata: Metadata): void {
  withRoot(from, (source) => {
    const stat = metadata.statAt(source, ".");
    applyMeta({ directory: source, name: ".", stat }, { directory: root, name: "." }, { ...stat, metadata });
    files.setTimeOf(root, { sec: stat.mtimeSec, nsec: stat.mtimeNsec });
  });
}

function settleDirectory(
  root: number,
  path: BytePath,
  { found, metadata }: { readonly found: Located | undefined; readonly metadata: Metadata },
): "settled" | "conflict" {
  if (found === undefined) return "settled";
  if (!isDirectory(found.stat)) return "conflict";
  const { parent, name } = splitPath(path);
  const directory = openInRoot(root, parent, files.O.RDONLY | files.O.DIRECTORY);
  try {
    applyMeta(found, { directory, name }, { ...found.stat, metadata });
    files.setTime(directory, name, { sec: found.stat.mtimeSec, nsec: found.stat.mtimeNsec });
    return "settled";
  } finally {
    files.close(directory);
  }
}

/** The kernel takes whiteouts for files in a directory that it need not merge with another: they would be listed. */
function dropIdleWhiteouts(root: number, path: BytePath, below: LayerDirectory): void {
  const directory = openInRoot(root, path, files.O.RDONLY | files.O.DIRECTORY);
  try {
    const merged = path === "" || below.within(path, (found) => found !== undefined);
    if (merged && !isOpaque(directory, "")) return;
    const stat = statOf(directory);
    for (const child of listDirectory(directory)) {
      const found = tryStatAt(directory, child);
      if (found !== undefined && isWhiteout(found)) files.unlinkAt(directory, child);
    }
    files.setTimeOf(directory, { sec: stat.mtimeSec, nsec: stat.mtimeNsec });
  } finally {
    files.close(directory);
  }
}

/**
 * Makes the hard links of a layer to files below. Such a file is copied once, and all its names are made in the layer:
 * those of the links, and those below that would otherwise go on showing the old file.
 */
function linkAll(
  root: number,
  links: LayerFindings["foreignLinks"],
  stack: LowerStack,
): "settled" | "conflict" {
  const { lower: below, metadata } = stack;
  /** Where in this layer the copy of a file below is, by its inode. */
  const copies = new Map<string, BytePath>();
  const linkTo = (copy: BytePath, path: BytePath): void =>
    inParent(root, copy, (from, copied) => {
      addAsBelow(root, path, stack, (to) => {
        const name = splitPath(path).name;
        removeTree(to, name);
        files.makeLink({ directory: from, name: copied }, { directory: to, name });
      });
    });
  let others = false;
  for (const { path, target } of links) {
    const isCopied = below.locate(target, (found) => {
      // Not there, or behind a symlink, which this layer alone knows nothing of.
      if (found === undefined || isDirectory(found.stat)) return false;
      const copy = copies.get(inodeKey(found.stat));
      if (copy !== undefined) linkTo(copy, path);
      else {
        addAsBelow(
          root,
          path,
          stack,
          (to) => copyEntry(found, { directory: to, name: splitPath(path).name }, { ...found.stat, metadata }),
        );
        copies.set(inodeKey(found.stat), path);
      }
      others ||= found.stat.nlink > 1;
      return true;
    });
    if (!isCopied) return "conflict";
    if (showsThrough(root, target)) linkTo(path, target);
  }
  if (!others) return "settled";
  const names = [...namesBelow(below, root, ({ stat }) => copies.get(inodeKey(stat)))];
  for (const { path, what: copy } of names) linkTo(copy, path);
  return "settled";
}

/** The layers below one, and how their metadata is read. */
export interface LowerStack {
  readonly lower: LayerDirectory;
  readonly metadata: Metadata;
}

/**
 * Opens the directory of `path` in a layer for adding something to it; directories that are missing are made to look
 * as they do below. The times of all directories on the way are as before afterwards.
 */
export function addAsBelow(
  root: number,
  path: BytePath,
  { lower: below, metadata }: LowerStack,
  body: (directory: number) => void,
): void {
  const { parent } = splitPath(path);
  const times = ancestorsOf(parent).map((ancestor) => ({ ancestor, stat: statHereOrBelow(root, ancestor, below) }));
  const directories = new OpenDirectories(root);
  try {
    const directory = directories.openOrMake(parent, (made, above, name) => {
      below.locate(made, (found) => {
        if (found !== undefined) applyMeta(found, { directory: above.fd, name }, { ...found.stat, metadata });
      });
    });
    body(directory.fd);
  } finally {
    directories.forget();
  }
  for (const { ancestor, stat } of times) {
    if (stat === undefined) continue;
    const time = { sec: stat.mtimeSec, nsec: stat.mtimeNsec };
    inParent(root, ancestor, (directory, name) => files.setTime(directory, name, time));
  }
}

function statHereOrBelow(root: number, path: BytePath, below: LayerDirectory): Stat | undefined {
  const own = tryOpenInRoot(root, path, files.O.PATH | files.O.NOFOLLOW);
  if (own === undefined) return below.locate(path, (found) => found?.stat);
  try {
    return statOf(own);
  } finally {
    files.close(own);
  }
}

/**
 * Calls `body` with the directory and the name of an entry of the layer. Archives name paths that lead through symlinks;
 * these stay inside the layer (attacks S07, S17).
 */
function inParent<T>(root: number, path: BytePath, body: (directory: number, name: BytePath) => T): T {
  const { parent, name } = splitPath(path);
  const directory = openInRoot(root, parent, files.O.RDONLY | files.O.DIRECTORY);
  try {
    return body(directory, name);
  } finally {
    files.close(directory);
  }
}

/** "." for the root, then every directory down to `path`. */
function ancestorsOf(path: BytePath): BytePath[] {
  const parts = path === "" ? [] : path.split("/");
  return [".", ...parts.map((_, at) => parts.slice(0, at + 1).join("/"))];
}

function withRoot<T>(path: BytePath, body: (root: number) => T): T {
  return files.withDirectory(path, body);
}
