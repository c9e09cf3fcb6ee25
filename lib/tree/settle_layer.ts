/**
 * Finishing an overlay layer that was unpacked alone, once the layers below it are there.
 *
 * Three things need them: directories the archive did not name (they must look as they do below, or be an error
 * where something else is there), the root directory if the archive did not name it, and hard links to files below
 * (those are copied up first, as a running overlay would).
 *
 * @module
 */
import { type BytePath, displayPath } from "../io/byte_path.ts";
import { KilnError } from "../errors.ts";
import * as files from "../sys/file.ts";
import { openInRoot } from "../sys/resolve.ts";
import { isDirectory, type Stat, statOf, tryStatAt } from "../sys/stat.ts";
import { applyMeta, copyEntry } from "./copy_entry.ts";
import type { LayerFindings } from "./extract.ts";
import { LayerDirectory } from "./layer_directory.ts";
import type { Located } from "./metadata.ts";
import { OpenDirectories, splitPath } from "./open_directories.ts";
import { reach } from "./reach.ts";
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
 * @returns "conflict" if the layer cannot be read alone, because an entry's parent is a symlink below: it must be
 *   unpacked again, onto the mounted stack.
 */
export function settleLayer(request: SettleRequest): "settled" | "conflict" {
  const { findings } = request;
  using below = LayerDirectory.open(request.below);
  if (below === undefined) return "settled";
  return withRoot(request.layer, (root) => {
    if (!findings.rootNamed) copyRootMeta(request.below.at(-1) ?? "", root);
    for (const path of findings.implied) {
      const outcome = below.locate(path, (found) => settleDirectory(root, path, found));
      if (outcome === "conflict") return "conflict";
    }
    for (const link of findings.foreignLinks) linkBelow(root, link, below);
    return "settled";
  });
}

/** Gives the root directory of one layer the owner, mode and attributes of another's. */
export function copyRootMeta(from: BytePath, root: number): void {
  withRoot(from, (source) => {
    const stat = statOf(source);
    applyMeta({ directory: source, name: ".", stat }, { directory: root, name: "." }, stat);
    files.setTimeOf(root, { sec: stat.mtimeSec, nsec: stat.mtimeNsec });
  });
}

function settleDirectory(root: number, path: BytePath, found: Located | undefined): "settled" | "conflict" {
  if (found === undefined) return "settled";
  if (!isDirectory(found.stat)) return "conflict";
  const { parent, name } = splitPath(path);
  const directory = openInRoot(root, parent, files.O.RDONLY | files.O.DIRECTORY);
  try {
    applyMeta(found, { directory, name }, found.stat);
    files.setTime(directory, name, { sec: found.stat.mtimeSec, nsec: found.stat.mtimeNsec });
    return "settled";
  } finally {
    files.close(directory);
  }
}

function linkBelow(root: number, link: { path: BytePath; target: BytePath }, below: LayerDirectory): void {
  const target = splitPath(link.target);
  addAsBelow(root, link.target, below, (directory) => {
    below.locate(link.target, (found) => {
      if (found === undefined || isDirectory(found.stat)) throw missingTarget(link);
      copyEntry(found, { directory, name: target.name }, found.stat);
    });
    addAsBelow(root, link.path, below, (to) => {
      const name = splitPath(link.path).name;
      removeTree(to, name);
      files.makeLink({ directory, name: target.name }, { directory: to, name });
    });
  });
}

/**
 * Opens the directory of `path` in a layer for adding something to it; directories that are missing are made to look
 * as they do below. The times of all directories on the way are as before afterwards.
 */
export function addAsBelow(
  root: number,
  path: BytePath,
  below: LayerDirectory,
  body: (directory: number) => void,
): void {
  const { parent } = splitPath(path);
  const times = ancestorsOf(parent).map((ancestor) => ({ ancestor, stat: statHereOrBelow(root, ancestor, below) }));
  const directories = new OpenDirectories(root);
  try {
    const directory = directories.openOrMake(parent, (made, above, name) => {
      below.locate(made, (found) => {
        if (found !== undefined) applyMeta(found, { directory: above.fd, name }, found.stat);
      });
    });
    body(directory.fd);
  } finally {
    directories.forget();
  }
  for (const { ancestor, stat } of times) {
    if (stat === undefined) continue;
    const time = { sec: stat.mtimeSec, nsec: stat.mtimeNsec };
    reach(root, ancestor, (directory, name) => files.setTime(directory, name, time));
  }
}

function statHereOrBelow(root: number, path: BytePath, below: LayerDirectory): Stat | undefined {
  return reach(root, path, tryStatAt) ?? below.locate(path, (found) => found?.stat);
}

/** "." for the root, then every directory down to `path`. */
function ancestorsOf(path: BytePath): BytePath[] {
  const parts = path === "" ? [] : path.split("/");
  return [".", ...parts.map((_, at) => parts.slice(0, at + 1).join("/"))];
}

function missingTarget(link: { path: BytePath; target: BytePath }): KilnError {
  const [path, target] = [displayPath(link.path), displayPath(link.target)];
  return new KilnError("integrity", `Cannot unpack "${path}": its hard link target "${target}" does not exist`);
}

function withRoot<T>(path: BytePath, body: (root: number) => T): T {
  return files.withDirectory(path, body);
}
