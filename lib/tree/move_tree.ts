/**
 * Moving everything in a directory into another one, around what has to stay.
 *
 * Entries are renamed: inodes, hard links, times and attributes stay what they are, and it takes a call an entry of the
 * directories above what stays, however much is below. What cannot be renamed is copied and removed: another file system,
 * or a directory of a lower layer of the overlay that a container's root mostly is.
 *
 * Directories above what stays are never moved. They have a counterpart on the other side, which their owner, mode, times
 * and attributes go to and come from.
 *
 * @module
 */
import type { BytePath } from "../io/byte_path.ts";
import { listDirectory } from "../sys/directory.ts";
import { SysError } from "../sys/errno.ts";
import * as files from "../sys/file.ts";
import { openInRoot } from "../sys/resolve.ts";
import { inodeKey, isDirectory, type Stat, statAt, statOf, tryStatAt } from "../sys/stat.ts";
import { copyEntry } from "./copy_entry.ts";
import type { KeptPaths } from "./kept_paths.ts";
import { ON_DISK } from "./metadata_access.ts";
import { joinPath, splitPath } from "./open_directories.ts";
import { removeTree } from "./remove.ts";

/** A name in an open directory. */
interface Place {
  readonly directory: number;
  readonly name: BytePath;
}

/** What moving out needs to know. */
export interface MoveOutOptions {
  readonly kept: KeptPaths;
  /**
   * Set if directories that have nothing but what stays in them get a counterpart, too: a directory in the target's file
   * system that they are made in, so that they are complete when they get their name.
   */
  readonly workshop?: number;
  /** Called before an entry is moved. */
  moving?(path: BytePath): void;
  /** Opens where entries go whose directory's counterpart is no directory. */
  elsewhere(path: BytePath): number;
}

/** Moves what is in the directory `root` to `target`, but for what is kept. @throws {SysError} */
export function moveOut(root: number, target: number, options: MoveOutOptions): void {
  const before = statOf(root);
  const to = { peek: () => target, open: () => target };
  new MovingOut(target, options).directory({ from: root, to, kept: options.kept, path: "" });
  copyDirectoryMeta(root, target, before);
}

/** A directory to move to, which is made when something is moved there. */
interface Target {
  /** Returns its descriptor, or undefined if it is not there yet. */
  peek(): number | undefined;
  open(): number;
}

interface Leaving {
  readonly from: number;
  readonly to: Target;
  readonly kept: KeptPaths;
  readonly path: BytePath;
}

class MovingOut {
  readonly #options: MoveOutOptions;
  readonly #links: CopiedLinks;

  constructor(target: number, options: MoveOutOptions) {
    this.#options = options;
    this.#links = new CopiedLinks(target);
  }

  directory({ from, to, kept, path }: Leaving): void {
    for (const name of listDirectory(from)) {
      const inner = kept.below(name);
      if (inner?.isKept) continue;
      const here = joinPath(path, name);
      if (inner !== undefined && isDirectory(statAt(from, name))) {
        files.withChild(from, name, (fd) => this.#above(name, { from: fd, to, kept: inner, path: here }));
        continue;
      }
      this.#options.moving?.(here);
      moveEntry({ directory: from, name }, { directory: to.open(), name }, { path: here, links: this.#links });
    }
  }

  /** A directory that something kept is below; `to` is that of its parent. */
  #above(name: BytePath, { from, to, kept, path }: Leaving): void {
    const { workshop, elsewhere } = this.#options;
    const before = statOf(from);
    using counterpart = new Counterpart(to, name, { original: from, workshop, elsewhere: () => elsewhere(path) });
    if (workshop !== undefined) counterpart.open();
    this.directory({ from, to: counterpart, kept, path });
    // What exists over there follows this side in any case.
    const fd = counterpart.peek();
    if (fd !== undefined && counterpart.isDirectory) copyDirectoryMeta(from, fd, before);
  }
}

interface CounterpartOptions {
  /** The directory it is the counterpart of. */
  readonly original: number;
  readonly workshop: number | undefined;
  readonly elsewhere: () => number;
}

/** The directory on the other side. */
class Counterpart implements Target, Disposable {
  readonly #parent: Target;
  readonly #name: BytePath;
  readonly #how: CounterpartOptions;
  #fd: number | undefined;
  #isDirectory = true;

  constructor(parent: Target, name: BytePath, how: CounterpartOptions) {
    this.#parent = parent;
    this.#name = name;
    this.#how = how;
  }

  /** Whether it is what it stands for; else something else has its name, and this is where that leads, or nowhere. */
  get isDirectory(): boolean {
    return this.#isDirectory;
  }

  peek(): number | undefined {
    const parent = this.#fd === undefined ? this.#parent.peek() : undefined;
    const found = parent === undefined ? undefined : tryStatAt(parent, this.#name);
    if (parent !== undefined && found !== undefined && isDirectory(found)) {
      this.#fd = files.openChild(parent, this.#name);
    }
    return this.#fd;
  }

  open(): number {
    const known = this.peek();
    if (known !== undefined) return known;
    const directory = this.#parent.open();
    this.#isDirectory = tryStatAt(directory, this.#name) === undefined;
    if (this.#isDirectory) this.#make(directory);
    this.#fd = this.#isDirectory ? files.openChild(directory, this.#name) : this.#how.elsewhere();
    return this.#fd;
  }

  [Symbol.dispose](): void {
    if (this.#fd !== undefined) files.close(this.#fd);
  }

  #make(directory: number): void {
    const { original, workshop } = this.#how;
    if (workshop === undefined) return files.makeDirectory(directory, this.#name, 0o700);
    // Whoever ends what a killed build began must find it as the original is, or not at all.
    const name = crypto.randomUUID();
    files.makeDirectory(workshop, name, 0o700);
    files.withChild(workshop, name, (fd) => copyDirectoryMeta(original, fd, statOf(original)));
    files.renameAt({ directory: workshop, name }, { directory, name: this.#name });
  }
}

/** What moving in needs to know. */
export interface MoveInOptions {
  readonly kept: KeptPaths;
  /** Whether directories above what is kept that the source lacks become plain ones; else they stay what they are. */
  readonly plain: boolean;
  /** Called after an entry was moved. */
  moved?(path: BytePath, place: Place): void;
  /** Called for an entry that stays behind: what is kept is in its place. */
  covered?(path: BytePath): void;
}

/** Moves what is in the directory `source` into `root`, in which nothing is but what is kept. @throws {SysError} */
export function moveIn(source: number, root: number, options: MoveInOptions): void {
  new MovingIn(root, options).directory({ from: source, to: root, kept: options.kept, path: "" });
}

class MovingIn {
  readonly #options: MoveInOptions;
  readonly #links: CopiedLinks;

  constructor(root: number, options: MoveInOptions) {
    this.#options = options;
    this.#links = new CopiedLinks(root);
  }

  directory({ from, to, kept, path }: { from: number; to: number; kept: KeptPaths; path: BytePath }): void {
    const before = statOf(from);
    const names = listDirectory(from);
    for (const name of names) this.#entry({ directory: from, name }, { to, inner: kept.below(name), path });
    const missing = new Set(kept.names).difference(new Set(names));
    if (this.#options.plain) { for (const name of missing) makePlain(to, name, kept.below(name)); }
    copyDirectoryMeta(from, to, before);
  }

  #entry(entry: Place, { to, inner, path }: { to: number; inner: KeptPaths | undefined; path: BytePath }): void {
    const { name } = entry;
    const here = joinPath(path, name);
    const target = { directory: to, name };
    if (inner === undefined) {
      moveEntry(entry, target, { path: here, links: this.#links });
      this.#options.moved?.(here, target);
    } else if (inner.isKept || !isDirectory(statAt(entry.directory, name))) {
      this.#options.covered?.(here);
    } else {
      files.withChild(
        entry.directory,
        name,
        (from) => files.withChild(to, name, (to) => this.directory({ from, to, kept: inner, path: here })),
      );
    }
  }
}

/** Makes a directory above what is kept look as one that a mount point needed to be made for. */
function makePlain(directory: number, name: BytePath, kept: KeptPaths | undefined): void {
  if (kept === undefined || kept.isKept) return;
  files.withChild(directory, name, (fd) => {
    const stat = statOf(fd);
    if (stat.uid !== 0 || stat.gid !== 0) files.changeOwnerOf(fd, { uid: 0, gid: 0 });
    if ((stat.mode & 0o7777) !== 0o755) files.changeModeOf(fd, 0o755);
    ON_DISK.dropXattrs({ directory: fd, name: "." });
    for (const inner of kept.names) makePlain(fd, inner, kept.below(inner));
  });
}

/**
 * Files with several names that were copied, by us or by overlayfs, which parts the names of a lower layer's file when one
 * of them is renamed: the first name that each has on the other side.
 */
class CopiedLinks {
  readonly #root: number;
  readonly #first = new Map<string, BytePath>();

  /** @param root descriptor of the directory that paths are relative to. */
  constructor(root: number) {
    this.#root = root;
  }

  /** Makes `to` another name of a file that was copied before; returns whether it could. */
  link(stat: Stat, to: Place): boolean {
    // The names that were moved before are gone, so this may be its last one.
    const first = this.#first.size === 0 ? undefined : this.#first.get(inodeKey(stat));
    if (first === undefined) return false;
    const { parent, name } = splitPath(first);
    // It may have gone where a symlink leads that has the place of its directory: never out of the root.
    const directory = tryOpenBehind(this.#root, parent);
    if (directory === undefined) return false;
    try {
      if (tryStatAt(directory, name) === undefined) return false;
      removeUnless(to, () => false);
      files.makeLink({ directory, name }, to);
      return true;
    } finally {
      files.close(directory);
    }
  }

  note(stat: Stat, path: BytePath): void {
    if (stat.nlink > 1) this.#first.set(inodeKey(stat), path);
  }
}

interface Way {
  /** Where the entry will be, relative to the root that `links` is for. */
  readonly path: BytePath;
  readonly links: CopiedLinks;
}

/** Moves one entry, in place of what is there; directories are put together. */
function moveEntry(from: Place, to: Place, way: Way): void {
  const stat = statAt(from.directory, from.name);
  if (!isDirectory(stat) && way.links.link(stat, to)) return files.unlinkAt(from.directory, from.name);
  try {
    files.renameAt(from, to);
    const mayPart = stat.nlink > 1 && !isDirectory(stat);
    if (mayPart && inodeKey(statAt(to.directory, to.name)) !== inodeKey(stat)) way.links.note(stat, way.path);
  } catch (error) {
    if (!(error instanceof SysError)) throw error;
    if (error.is("EACCES") && isDirectory(stat) && (stat.mode & 0o200) === 0) {
      moveUnwritable(from, to, { ...way, stat });
    } else if (error.is("EXDEV", "ENOTEMPTY", "EEXIST", "EISDIR", "ENOTDIR")) copyAndRemove(from, to, { ...way, stat });
    else throw error;
  }
}

/** Whoever has no CAP_DAC_OVERRIDE must be allowed to write to a directory to change its "..". */
function moveUnwritable(from: Place, to: Place, { stat, ...way }: Way & { readonly stat: Stat }): void {
  files.changeMode(from.directory, from.name, stat.mode | 0o700);
  try {
    moveEntry(from, to, way);
  } catch (error) {
    files.changeMode(from.directory, from.name, stat.mode);
    throw error;
  }
  files.changeMode(to.directory, to.name, stat.mode);
}

function copyAndRemove(from: Place, to: Place, { stat, path, links }: Way & { readonly stat: Stat }): void {
  if (!isDirectory(stat)) {
    removeUnless(to, (found) => !isDirectory(found));
    copyEntry({ ...from, stat }, to, { ...stat, metadata: ON_DISK });
    links.note(stat, path);
    files.unlinkAt(from.directory, from.name);
    return;
  }
  removeUnless(to, isDirectory);
  if (tryStatAt(to.directory, to.name) === undefined) files.makeDirectory(to.directory, to.name, 0o700);
  files.withChild(from.directory, from.name, (source) =>
    files.withChild(to.directory, to.name, (target) => {
      for (const name of listDirectory(source)) {
        const inner = { path: joinPath(path, name), links };
        moveEntry({ directory: source, name }, { directory: target, name }, inner);
      }
      copyDirectoryMeta(source, target, stat);
    }));
  files.removeDirectoryAt(from.directory, from.name);
}

/** Removes what is there if it must not be put together with what comes. */
function removeUnless({ directory, name }: Place, fits: (found: Stat) => boolean): void {
  const found = tryStatAt(directory, name);
  if (found !== undefined && !fits(found)) removeTree(directory, name);
}

/** Gives one open directory the owner, mode, attributes and times of another, and nothing else. */
export function copyDirectoryMeta(from: number, to: number, stat: Stat): void {
  const now = statOf(to);
  // A container that may not change owners has nothing to change them to.
  if (now.uid !== stat.uid || now.gid !== stat.gid) files.changeOwnerOf(to, stat);
  files.changeModeOf(to, stat.mode);
  const [place, wanted] = [{ directory: to, name: "." }, ON_DISK.xattrsAt(from, ".")];
  ON_DISK.dropXattrs(place, wanted);
  ON_DISK.addXattrs(place, wanted);
  files.setTimeOf(to, { sec: stat.mtimeSec, nsec: stat.mtimeNsec });
}

/** Opens a directory, symlinks on the way followed inside the root; undefined if there is none. @throws {SysError} */
export function tryOpenBehind(root: number, path: BytePath): number | undefined {
  try {
    return openInRoot(root, path, files.O.RDONLY | files.O.DIRECTORY);
  } catch (error) {
    if (error instanceof SysError && error.is("ENOENT", "ENOTDIR", "ELOOP")) return undefined;
    throw error;
  }
}
