/**
 * Writing the tree of a commit to disk.
 *
 * Every directory is one we made ourselves and is held open by its descriptor; every file is made with O_EXCL below it,
 * and never opened again: a name that comes twice, or a symlink where a tree expects a directory, is an error and cannot
 * lead anywhere (S12, S47).
 *
 * @module
 */
import { KilnError } from "../errors.ts";
import { type BytePath, bytePathFrom, displayPath } from "../io/byte_path.ts";
import { SysError } from "../sys/errno.ts";
import {
  changeModeOf,
  close,
  makeDirectory,
  makeSymlink,
  O,
  openAt,
  setTime,
  setTimeOf,
  unlinkAt,
  writeAll,
} from "../sys/file.ts";
import {
  type AttributeFile,
  type AttributeMacros,
  isLfsPath,
  MAX_ATTRIBUTES_BYTES,
  parseAttributes,
} from "./attributes.ts";
import { type LfsPointer, parseLfsPointer } from "./lfs_pointer.ts";
import { malformedObject } from "./malformed.ts";
import type { ObjectId } from "./object_id.ts";
import type { ObjectReader } from "./object_reader.ts";
import { TYPE } from "./object_type.ts";
import { expansionAllowed, type PackLimits } from "./pack_limits.ts";
import { parseTree, type TreeEntry } from "./tree_object.ts";

/** What to write where. */
export interface CheckOutOptions {
  readonly reader: ObjectReader;
  readonly packBytes: number;
  readonly limits: PackLimits;
  /** An open, empty directory. */
  readonly root: number;
  /** Where the tree is in its repository: "" or with a slash at the end; and the `.gitattributes` above it. */
  readonly within: BytePath;
  readonly attributes: readonly AttributeFile[];
  readonly macros: AttributeMacros;
  /** Seconds since 1970 that all entries get as their time; else they have the time of now. */
  readonly time?: number;
  /** Told of every entry but the directories, once it is there. */
  readonly onEntry?: (entry: CheckedOutEntry) => void;
}

/** An entry that was written. */
export interface CheckedOutEntry {
  readonly path: BytePath;
  readonly entry: TreeEntry;
  /** The open directory it is in. */
  readonly directory: number;
  /** Set for a pointer of Git LFS in a place that is kept by it. */
  readonly pointer?: LfsPointer;
}

/** Linux resolves no longer paths. */
const MAX_PATH_BYTES = 4_095;
const MAX_DEPTH = 1_024;
const MAX_ENTRIES = 4_194_304;
/** The trees from the root to where we are, which are in memory. */
const MAX_OPEN_TREE_BYTES = 64 * 1024 ** 2;
/** Pointers of Git LFS are not longer. */
const SMALL_BYTES = 1_024;

interface Level {
  readonly fd: number;
  /** With a slash at the end; "" for the root. */
  readonly prefix: BytePath;
  readonly name: BytePath;
  /** Size of its tree. */
  readonly bytes: number;
  readonly entries: Generator<TreeEntry>;
  /** The `.gitattributes` from the root of the repository down to here. */
  readonly attributes: readonly AttributeFile[];
}

/**
 * Writes a tree.
 *
 * @throws {KilnError} kind `integrity` for trees that are malformed, too deep or too many; `disk`.
 */
export function checkOut(tree: ObjectId, options: CheckOutOptions): void {
  const { root } = options;
  const work = { ...options, entries: 0, bytesLeft: expansionAllowed(options.limits, options.packBytes) };
  const levels: Level[] = [{ fd: root, prefix: "", name: "", ...treeOf(tree, { ...options, prefix: options.within }) }];
  try {
    for (let level = levels.at(-1); level !== undefined; level = levels.at(-1)) {
      const next = level.entries.next();
      if (next.done === true) {
        levels.pop();
        if (levels.length > 0) leave(level, levels.at(-1), options.time);
        continue;
      }
      if (++work.entries > MAX_ENTRIES) throw malformedObject(tree, `it stands for more than ${MAX_ENTRIES} files`);
      const below = writeEntry(next.value, level, work);
      if (below === undefined) continue;
      levels.push(below);
      const open = levels.reduce((sum, { bytes }) => sum + bytes, 0);
      if (open > MAX_OPEN_TREE_BYTES) throw malformedObject(tree, "its directories are too large");
      if (levels.length > MAX_DEPTH) throw malformedObject(tree, `its directories are more than ${MAX_DEPTH} deep`);
    }
  } finally {
    for (const { fd } of levels.slice(1)) close(fd);
  }
}

interface Work extends CheckOutOptions {
  bytesLeft: number;
}

/** Writes one entry; returns the level of a directory. */
function writeEntry(entry: TreeEntry, level: Level, work: Work): Level | undefined {
  const { name, kind } = entry;
  const path = `${level.prefix}${name}`;
  try {
    if (path.length > MAX_PATH_BYTES) throw new KilnError("integrity", "its path is longer than 4,095 bytes");
    switch (kind) {
      case "directory":
        makeDirectory(level.fd, name, 0o755);
        return {
          fd: openAt(level.fd, name, O.RDONLY | O.DIRECTORY | O.NOFOLLOW),
          prefix: `${path}/`,
          name,
          ...treeOf(entry.id, { ...work, attributes: level.attributes, prefix: `${work.within}${path}/` }),
        };
      case "submodule":
        makeDirectory(level.fd, name, 0o755);
        work.onEntry?.({ path, entry, directory: level.fd });
        return undefined;
      case "symlink":
        writeSymlink(entry, level, work);
        work.onEntry?.({ path, entry, directory: level.fd });
        return undefined;
      default: {
        const small = writeFile(entry, level, work);
        const pointer = small === undefined ? undefined : parseLfsPointer(small);
        const isLfs = pointer !== undefined && isLfsPath(`${work.within}${path}`, level.attributes);
        work.onEntry?.({ path, entry, directory: level.fd, ...(isLfs ? { pointer } : {}) });
        return undefined;
      }
    }
  } catch (error) {
    throw explain(error, path);
  }
}

function leave(level: Level, parent: Level | undefined, time: number | undefined): void {
  close(level.fd);
  if (time !== undefined && parent !== undefined) setTime(parent.fd, level.name, { sec: time, nsec: 0 });
}

interface TreePlace extends Pick<CheckOutOptions, "reader" | "macros" | "attributes"> {
  readonly prefix: BytePath;
}

function treeOf(
  id: ObjectId | Uint8Array,
  { reader, macros, attributes, prefix }: TreePlace,
): Pick<Level, "bytes" | "entries" | "attributes"> {
  const index = reader.indexOf(id, TYPE.TREE);
  const bytes = reader.structure(index);
  const hex = reader.table.id(index);
  return {
    bytes: bytes.length,
    entries: parseTree(hex, bytes),
    attributes: withAttributesOf(parseTree(hex, bytes), { reader, macros, attributes, prefix }),
  };
}

/** Adds the rules of a tree's own `.gitattributes`, if it has one. */
export function withAttributesOf(
  entries: Iterable<TreeEntry>,
  { reader, macros, attributes, prefix }: TreePlace,
): readonly AttributeFile[] {
  for (const { name, kind, id } of entries) {
    if (name !== ".gitattributes" || (kind !== "file" && kind !== "executable")) continue;
    const index = reader.indexOf(id, TYPE.BLOB);
    // git ignores larger ones as well, if not from the same size on.
    if (reader.table.size(index) > MAX_ATTRIBUTES_BYTES) return attributes;
    return [...attributes, parseAttributes(bytePathFrom(reader.structure(index)), prefix, macros)];
  }
  return attributes;
}

function writeFile({ name, kind, id }: TreeEntry, { fd: directory }: Level, work: Work): Uint8Array | undefined {
  const { reader, time } = work;
  const index = reader.indexOf(id, TYPE.BLOB);
  const size = spend(index, work);
  const mode = kind === "executable" ? 0o755 : 0o644;
  const fd = openAt(directory, name, O.WRONLY | O.CREAT | O.EXCL | O.NOFOLLOW, mode);
  let small: Uint8Array | undefined = size <= SMALL_BYTES ? new Uint8Array(0) : undefined;
  try {
    reader.stream(index, (bytes) => {
      writeAll(fd, bytes);
      // An object of so few bytes comes in one piece.
      if (small !== undefined) small = bytes.slice();
    });
    // The process's umask may have taken bits away.
    changeModeOf(fd, mode);
    if (time !== undefined) setTimeOf(fd, { sec: time, nsec: 0 });
  } catch (error) {
    close(fd);
    unlinkAt(directory, name);
    throw error;
  }
  close(fd);
  return small;
}

function writeSymlink({ name, id }: TreeEntry, { fd: directory }: Level, work: Work): void {
  const { reader, time } = work;
  const index = reader.indexOf(id, TYPE.BLOB);
  if (spend(index, work) > MAX_PATH_BYTES) throw new KilnError("integrity", "its target is longer than 4,095 bytes");
  let target: BytePath = "";
  reader.stream(index, (bytes) => target += bytePathFrom(bytes));
  if (target === "" || target.includes("\0")) throw new KilnError("integrity", "it is a symlink without a target");
  makeSymlink(target, directory, name);
  if (time !== undefined) setTime(directory, name, { sec: time, nsec: 0 });
}

/** One blob may stand for any number of files: what is written is limited in all (S48). */
function spend(index: number, work: Work): number {
  const size = work.reader.table.size(index);
  work.bytesLeft -= size;
  if (work.bytesLeft < 0) throw new KilnError("integrity", "the files come to far more than was sent");
  return size;
}

function explain(error: unknown, path: BytePath): unknown {
  const found = error instanceof SysError
    ? error.is("EEXIST")
      ? new KilnError("integrity", "its name comes twice")
      : new KilnError(error.is("ENOSPC", "EDQUOT", "EROFS", "EIO") ? "disk" : "context", error.message)
    : error;
  if (!(found instanceof KilnError) || found.message.startsWith("Cannot check out ")) return found;
  return found.within(`check out "${displayPath(path)}"`);
}
