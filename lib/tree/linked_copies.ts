/**
 * Keeping hard links linked where overlayfs cannot (index=off, as in a user namespace).
 *
 * Without its index, overlayfs copies up a file with several names for the one name that is written to, and the others go on
 * showing the old file, to the command already. So before a command runs, every such file that it can see is copied to
 * the upper layer under all its names: there they are hard links like any. Afterwards those that the command left alone
 * are taken out again, with the directories that are only there for them.
 *
 * @module
 */
import type { BytePath } from "../io/byte_path.ts";
import { listDirectory } from "../sys/directory.ts";
import { explainSysError, SysError } from "../sys/errno.ts";
import * as files from "../sys/file.ts";
import { isDirectory, isSocket, type Stat, statAt, statOf, tryStatAt } from "../sys/stat.ts";
import { copyEntry } from "./copy_entry.ts";
import { LayerDirectory } from "./layer_directory.ts";
import { differs } from "./metadata.ts";
import type { Metadata } from "./metadata_access.ts";
import { joinPath, OpenDirectories, splitPath } from "./open_directories.ts";
import { isOpaque, isWhiteout } from "./overlay_marks.ts";

/** A file with several names. */
export interface LinkedFile {
  /** Its inode number, in the file system that all layers are in. */
  readonly inode: string;
  readonly paths: readonly BytePath[];
}

/** The same, and when it was last changed. */
export interface LinkedCopy extends LinkedFile {
  readonly ctimeSec: number;
  readonly ctimeNsec: number;
}

/** Finds the files with several names in one layer directory. */
export function findLinks({ layer }: { readonly layer: BytePath }): readonly LinkedFile[] {
  const found = new Map<string, BytePath[]>();
  const walk = (directory: number, path: BytePath): void => {
    for (const name of listDirectory(directory)) {
      const stat = statAt(directory, name);
      if (isDirectory(stat)) files.withChild(directory, name, (fd) => walk(fd, joinPath(path, name)));
      else if (stat.nlink > 1 && !isWhiteout(stat) && !isSocket(stat)) {
        const paths = found.get(inodeOf(stat)) ?? [];
        paths.push(joinPath(path, name));
        found.set(inodeOf(stat), paths);
      }
    }
  };
  files.withDirectory(layer, (fd) => walk(fd, ""));
  return [...found].filter(([, paths]) => paths.length > 1).map(([inode, paths]) => ({ inode, paths }));
}

/** Which files to copy. */
export interface CopyLinksRequest {
  /** The mounted overlay. */
  readonly root: BytePath;
  /** Files with several names of the layers below, as `findLinks` found them. */
  readonly linked: readonly LinkedFile[];
}

/** Copies those that can be seen under several names, and returns the copies. @throws {KilnError} kind `disk` */
export function copyLinks({ root, linked }: CopyLinksRequest, metadata: Metadata): readonly LinkedCopy[] {
  return files.withDirectory(root, (fd) => {
    const directories = new OpenDirectories(fd);
    try {
      return linked.flatMap((file) => {
        const paths = file.paths.filter((path) => shows(directories, path, file.inode));
        return paths.length < 2 ? [] : [copyLinked(paths, directories, metadata)];
      });
    } catch (error) {
      throw explainSysError(error, "copy files with several names, which a command may change", "disk");
    } finally {
      directories.forget();
    }
  });
}

/** What of the copies is to go. */
export interface DropCopiesRequest {
  /** The upper directory, which is not mounted any more. */
  readonly upper: BytePath;
  /** The layers below, lowest first. */
  readonly below: readonly BytePath[];
  readonly copies: readonly LinkedCopy[];
}

/** Takes the copies out of the upper directory that are as they were made. */
export function dropUnchangedCopies({ upper, below, copies }: DropCopiesRequest, metadata: Metadata): void {
  using lower = LayerDirectory.open(below, { metadata });
  if (lower === undefined) return;
  files.withDirectory(upper, (root) => {
    const parents = new Set<BytePath>();
    for (const copy of copies) {
      if (!copy.paths.every((path) => isUnchanged(root, path, copy))) continue;
      for (const path of copy.paths) {
        removeQuietly(root, path, (directory, name) => files.unlinkAt(directory, name));
        parents.add(splitPath(path).parent);
      }
    }
    for (const parent of parents) dropIdleDirectories(root, parent, { lower, metadata });
  });
}

function inodeOf({ inoHigh, inoLow }: Stat): string {
  return `${inoHigh}:${inoLow}`;
}

/** Whether the merged tree shows that very file at a path. */
function shows(directories: OpenDirectories, path: BytePath, inode: string): boolean {
  const { parent, name } = splitPath(path);
  try {
    const found = tryStatAt(directories.open(parent).fd, name);
    return found !== undefined && inodeOf(found) === inode;
  } catch (error) {
    if (error instanceof SysError && error.is("ENOENT", "ENOTDIR", "ELOOP")) return false;
    throw error;
  }
}

function copyLinked(paths: readonly BytePath[], directories: OpenDirectories, metadata: Metadata): LinkedCopy {
  const [first = "", ...others] = paths;
  const own = splitPath(first);
  replaceQuietly(first, directories, (directory, made) => {
    const source = { directory, name: own.name, stat: metadata.statAt(directory, own.name) };
    copyEntry(source, { directory, name: made }, { ...source.stat, metadata });
  });
  for (const path of others) {
    replaceQuietly(path, directories, (directory, made) => {
      const from = { directory: directories.open(own.parent).fd, name: own.name };
      files.makeLink(from, { directory, name: made });
    });
  }
  const stat = statAt(directories.open(own.parent).fd, own.name);
  return { paths, inode: inodeOf(stat), ctimeSec: stat.ctimeSec, ctimeNsec: stat.ctimeNsec };
}

/** Puts what `make` makes in the place of an entry; the directory's time stays. */
function replaceQuietly(
  path: BytePath,
  directories: OpenDirectories,
  make: (directory: number, name: BytePath) => void,
): void {
  const { parent, name } = splitPath(path);
  const directory = directories.open(parent).fd;
  const before = statOf(directory);
  const made = `.kiln-link-${crypto.randomUUID()}`;
  make(directory, made);
  files.renameAt({ directory, name: made }, { directory, name });
  // Two paths may lead to one entry; a rename of a file over itself does nothing.
  if (tryStatAt(directory, made) !== undefined) files.unlinkAt(directory, made);
  files.setTimeOf(directory, { sec: before.mtimeSec, nsec: before.mtimeNsec });
}

function isUnchanged(root: number, path: BytePath, copy: LinkedCopy): boolean {
  return inParent(root, path, (directory, name) => {
    const stat = tryStatAt(directory, name);
    return stat !== undefined && inodeOf(stat) === copy.inode && stat.ctimeSec === copy.ctimeSec &&
      stat.ctimeNsec === copy.ctimeNsec;
  }) ?? false;
}

/** Removes an entry; the directory's time stays. */
function removeQuietly(root: number, path: BytePath, remove: (directory: number, name: BytePath) => void): void {
  inParent(root, path, (directory, name) => {
    const before = statOf(directory);
    remove(directory, name);
    files.setTimeOf(directory, { sec: before.mtimeSec, nsec: before.mtimeNsec });
  });
}

/** Removes a directory that is as it is below and has nothing in it, and then the one above it. */
function dropIdleDirectories(
  root: number,
  path: BytePath,
  how: { readonly lower: LayerDirectory; readonly metadata: Metadata },
): void {
  if (path === "" || !inParent(root, path, (directory, name) => isIdle({ directory, name }, path, how))) return;
  removeQuietly(root, path, (directory, name) => files.removeDirectoryAt(directory, name));
  dropIdleDirectories(root, splitPath(path).parent, how);
}

function isIdle(
  place: { readonly directory: number; readonly name: BytePath },
  path: BytePath,
  { lower, metadata }: { readonly lower: LayerDirectory; readonly metadata: Metadata },
): boolean {
  const stat = metadata.tryStatAt(place.directory, place.name);
  if (stat === undefined || !isDirectory(stat) || isOpaque(place.directory, place.name)) return false;
  const isEmpty = files.withChild(place.directory, place.name, (fd) => listDirectory(fd).length === 0);
  return isEmpty && lower.locate(path, (found) => found !== undefined && !differs({ ...place, stat }, found, metadata));
}

/** Calls `body` with the directory a path is in, or returns undefined if a command took that away. */
function inParent<T>(root: number, path: BytePath, body: (directory: number, name: BytePath) => T): T | undefined {
  const { parent, name } = splitPath(path);
  const directories = new OpenDirectories(root);
  try {
    return body(directories.open(parent).fd, name);
  } catch (error) {
    if (error instanceof SysError && error.is("ENOENT", "ENOTDIR", "ELOOP")) return undefined;
    throw error;
  } finally {
    directories.forget();
  }
}
