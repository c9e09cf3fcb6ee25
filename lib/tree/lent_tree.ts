/**
 * A directory that is lent to a rootfs by moving it there, and comes home even if its borrower is killed.
 *
 * `<home>/tree` is the directory. While it is away, `<home>/lent` says where: a rootfs below the state directory, which
 * is two levels above `<home>`, the path inside it, and what was put into the directory for the time. Whoever lends
 * holds the exclusive lock on `<home>.lock`.
 *
 * Where the tree is, a command could put symlinks: it is looked up inside the rootfs, and nothing but a directory is
 * taken home.
 *
 * @module
 */
import { posix } from "node:path";
import type { BytePath } from "../io/byte_path.ts";
import { listDirectory } from "../sys/directory.ts";
import { SysError } from "../sys/errno.ts";
import * as files from "../sys/file.ts";
import { openInRoot, tryOpenInRoot } from "../sys/resolve.ts";
import { isDirectory, tryStatAt } from "../sys/stat.ts";
import { splitPath } from "./open_directories.ts";
import { readRecord, writeRecord } from "./record_file.ts";
import { removeTree } from "./remove.ts";

/** The name of the directory in its home. */
export const CACHE_TREE = "tree";

/** A place in a rootfs: its descriptor, and a path without symlinks. */
export interface LoanPlace {
  readonly root: number;
  readonly path: BytePath;
}

/** A directory that is away from home. */
export class LentTree {
  readonly #home: BytePath;
  readonly #record: LoanRecord;

  private constructor(home: BytePath, record: LoanRecord) {
    this.#home = home;
    this.#record = record;
  }

  /** Moves the directory of `home` to a place where nothing is. @throws {SysError} EXDEV to another file system */
  static lend(home: BytePath, place: LoanPlace): LentTree {
    const root = posix.relative(stateOf(home), realPathOf(place.root));
    const lent = new LentTree(home, { root, path: place.path, inside: [] });
    writeRecord(home, RECORD, lent.#record);
    const at = files.AT_FDCWD;
    try {
      files.renameAt({ directory: at, name: `${home}/${CACHE_TREE}` }, { directory: place.root, name: place.path });
    } catch (error) {
      removeTree(at, `${home}/${RECORD}`);
      throw error;
    }
    return lent;
  }

  /** Notes that something is going to be put into the directory that must not come home: it may be a secret. */
  note(path: BytePath): void {
    if (!path.startsWith(`${this.#record.path}/`)) return;
    this.#record.inside.push(path.slice(this.#record.path.length + 1));
    writeRecord(this.#home, RECORD, this.#record);
  }

  /** Takes the directory home. What is not there any more, or is something else now, is forgotten. @throws {SysError} */
  takeHome(from: { readonly directory: number; readonly name: BytePath }): void {
    const stat = tryStatAt(from.directory, from.name);
    if (stat !== undefined && isDirectory(stat)) {
      files.renameAt(from, { directory: files.AT_FDCWD, name: `${this.#home}/${CACHE_TREE}` });
      removeTree(files.AT_FDCWD, `${this.#home}/${RECORD}`);
      return;
    }
    removeTree(files.AT_FDCWD, this.#home);
  }
}

/**
 * Takes a directory home whose borrower is dead. Does nothing if it is at home. Several may try at a time.
 *
 * @returns whether it is at home.
 */
export function reclaimTree(home: BytePath): boolean {
  const record = readLoan(home);
  if (record !== undefined) {
    bringHome(home, record);
    removeTree(files.AT_FDCWD, `${home}/${RECORD}`);
  }
  return isDirectoryAt(`${home}/${CACHE_TREE}`);
}

/** Takes everything home from a dead build's directory. @param homes the directory of all homes */
export function reclaimTrees(homes: BytePath, build: BytePath): void {
  if (!isDirectoryAt(homes) || !isDirectoryAt(build)) return; // removed by hand
  const below = files.withDirectory(build, realPathOf);
  for (const name of files.withDirectory(homes, listDirectory)) {
    const home = `${homes}/${name}`;
    const record = readLoan(home);
    if (record === undefined || !isBelow(posix.join(stateOf(home), record.root), below)) continue;
    const lock = files.openAt(files.AT_FDCWD, `${home}.lock`, files.O.RDWR | files.O.CREAT, 0o600);
    try {
      // Whoever has the lock may have lent it anew already: the record is theirs then.
      if (files.tryLock(lock, "exclusive")) reclaimTree(home);
      else bringHome(home, record);
    } finally {
      files.close(lock);
    }
  }
}

/** Its name. */
const RECORD = "lent";

interface LoanRecord {
  /** Relative to the state directory, so that it holds wherever that is mounted. */
  readonly root: BytePath;
  readonly path: BytePath;
  readonly inside: BytePath[];
}

function bringHome(home: BytePath, record: LoanRecord): void {
  try {
    files.withDirectory(posix.join(stateOf(home), record.root), (root) => {
      const { parent, name } = splitPath(record.path);
      const directory = openInRoot(root, parent, files.O.RDONLY | files.O.DIRECTORY);
      try {
        removeInside(directory, name, record.inside);
        files.renameAt({ directory, name }, { directory: files.AT_FDCWD, name: `${home}/${CACHE_TREE}` });
      } finally {
        files.close(directory);
      }
    });
  } catch (error) {
    // Another one was faster, the directory never left, or the command removed it.
    if (!(error instanceof SysError && error.is("ENOENT", "ENOTDIR", "ELOOP", "ENOTEMPTY", "EEXIST"))) throw error;
  }
}

function removeInside(directory: number, name: BytePath, inside: readonly BytePath[]): void {
  const tree = files.openAt(directory, name, files.O.RDONLY | files.O.DIRECTORY | files.O.NOFOLLOW);
  try {
    for (const path of inside.toReversed()) {
      const { parent, name } = splitPath(path);
      const around = tryOpenInRoot(tree, parent, files.O.RDONLY | files.O.DIRECTORY);
      if (around === undefined) continue;
      try {
        removeTree(around, name);
      } finally {
        files.close(around);
      }
    }
  } finally {
    files.close(tree);
  }
}

function isDirectoryAt(path: BytePath): boolean {
  const stat = tryStatAt(files.AT_FDCWD, path);
  return stat !== undefined && isDirectory(stat);
}

function isBelow(path: BytePath, directory: BytePath): boolean {
  return path.startsWith(`${directory}/`);
}

function stateOf(home: BytePath): BytePath {
  return files.withDirectory(posix.join(home, "../.."), realPathOf);
}

function realPathOf(fd: number): BytePath {
  return files.readLink(files.AT_FDCWD, `/proc/self/fd/${fd}`);
}

function readLoan(home: BytePath): LoanRecord | undefined {
  return isDirectoryAt(home) ? readRecord<LoanRecord>(home, RECORD) : undefined;
}
