/**
 * Unpacking a layer: tar entries into a directory, confined to it whatever the archive says.
 *
 * Three forms. `applied`: the directory is a whole tree, whiteouts remove what they name (chroot rootfs, OCI image
 * spec, layer.md). `overlay`: the directory is one lower layer of an overlay mount, whiteouts become overlayfs'
 * markers; what such a layer cannot know about the layers below it is noted in the `findings`, for the caller to check.
 * `archive`: a tar that is no layer (ADD); it has no whiteouts, and its root entry says nothing about the directory.
 *
 * Every parent is opened with openat2 inside the root; existing entries are removed before new ones are made, so
 * nothing is ever written through a link. Owners, modes (setuid after chown), xattrs and times are set on the entry
 * itself, directory times last.
 *
 * @module
 */
import { KilnError } from "../errors.ts";
import { type BytePath, displayPath } from "../io/byte_path.ts";
import { listDirectory } from "../sys/directory.ts";
import { ERRNO, explainSysError, SysError } from "../sys/errno.ts";
import * as files from "../sys/file.ts";
import { MOST_PATH_BYTES } from "../sys/resolve.ts";
import { birthTimeAt, inodeKey, isDirectory, S, type Stat, statOf, tryStatAt } from "../sys/stat.ts";
import type { TarEntry } from "../tar/entry.ts";
import { DEFAULT_TAR_LIMITS } from "../tar/limits.ts";
import { nextTick } from "./clock_tick.ts";
import type { Metadata, WantedMetadata } from "./metadata_access.ts";
import { joinPath, OpenDirectories, type OpenDirectory, openDirectoryOf, splitPath } from "./open_directories.ts";
import { isWhiteout, markOpaque, WHITEOUT_DEVICE } from "./overlay_marks.ts";
import type { Device, Ids } from "./recorded.ts";
import { removeTree } from "./remove.ts";

/** What an overlay layer cannot decide alone. */
export interface LayerFindings {
  /** Directories that entries needed and the archive did not name, parents first. */
  readonly implied: readonly BytePath[];
  /** Whether the archive had an entry for the root directory. */
  readonly rootNamed: boolean;
  /** Directories with whiteouts in them. */
  readonly whiteoutParents: readonly BytePath[];
  /** Hard links whose target is not in this layer. */
  readonly foreignLinks: readonly { readonly path: BytePath; readonly target: BytePath }[];
}

/** How to unpack. */
export interface ExtractOptions {
  readonly form: "applied" | "overlay" | "archive";
  /** Where below the root an archive goes, symlinks resolved; its links still lead where the root's do. */
  readonly under?: BytePath;
  /** Owner of every entry, instead of the archive's (`ADD --chown`); directories that none names are root's. */
  readonly owner?: Ids;
  /** How much may be made, directories that no entry names included; as many as a tar may have entries unless told. */
  readonly most?: number;
  readonly metadata: Metadata;
}

/** Where an entry goes. */
interface Place {
  readonly path: BytePath;
  readonly directory: OpenDirectory;
  readonly name: BytePath;
}

const WHITEOUT_PREFIX = ".wh.";
const OPAQUE_NAME = ".wh..wh..opq";

/** Receives the entries of one archive (a `TarHandler`), then `finish` or `abandon`. */
export class LayerExtractor {
  readonly #root: number;
  readonly #options: ExtractOptions;
  readonly #directories: OpenDirectories;
  readonly #implied = new Set<BytePath>();
  readonly #whiteoutParents = new Set<BytePath>();
  /** Targets of hard links by their path. */
  readonly #foreignLinks = new Map<BytePath, BytePath>();
  readonly #directoryTimes = new Map<BytePath, bigint>();
  /** Directories of lower layers in which something changes, by inode, with the time they had. */
  readonly #keptTimes = new Map<string, { readonly path: BytePath; readonly stat: Stat }>();
  /** Spares a look at the same open directory for every entry in it. */
  readonly #seen = new WeakSet<OpenDirectory>();
  #rootNamed = false;
  /** When this archive's first entry was made; whiteouts never hide what is younger. Taken at the first whiteout. */
  readonly #began: bigint;
  #file: { fd: number; entry: TarEntry; path: BytePath; directory: OpenDirectory; name: BytePath } | undefined;
  /** What was made so far, implied directories included. */
  #made = 0;
  /** Of the entry at hand. */
  #timeNs = 0n;

  /** @param root descriptor of the directory to unpack into; stays the caller's. */
  constructor(root: number, options: ExtractOptions) {
    this.#root = root;
    this.#options = options;
    this.#directories = new OpenDirectories(root);
    this.#keepTime("", openDirectoryOf(root));
    this.#began = options.form === "applied" ? nextTick(root) : 0n;
  }

  /** Makes one entry. @throws {KilnError} kind `integrity` for what no layer may contain, `disk` for a full disk. */
  entry(entry: TarEntry): void {
    try {
      this.#directories.closeRetired();
      this.#entry(entry);
    } catch (error) {
      throw this.#explain(error, entry.name);
    }
  }

  /** Takes content of the file begun by the last entry. */
  data(bytes: Uint8Array): void {
    const file = this.#file;
    if (file === undefined) return;
    try {
      // The tar reader hands out views of plain buffers.
      files.writeAll(file.fd, bytes as Uint8Array<ArrayBuffer>);
    } catch (error) {
      throw this.#explain(error, file.path);
    }
  }

  /** Ends the file begun by the last entry. */
  entryEnd(): void {
    const file = this.#file;
    if (file === undefined) return;
    this.#file = undefined;
    try {
      this.#finishFile(file);
    } catch (error) {
      throw this.#explain(error, file.path);
    }
  }

  /** Sets directory times and closes everything. */
  finish(): LayerFindings {
    try {
      for (const [key, { path, stat }] of this.#keptTimes) {
        const directory = this.#openExisting(path);
        if (directory === undefined || inodeKey(statOf(directory.fd)) !== key) continue;
        files.setTimeOf(directory.fd, { sec: stat.mtimeSec, nsec: stat.mtimeNsec });
      }
      for (const [path, time] of this.#directoryTimes) {
        const directory = this.#openExisting(path);
        if (directory !== undefined) files.setTimeOf(directory.fd, splitTime(time));
      }
    } catch (error) {
      throw this.#explain(error, "");
    } finally {
      this.#directories.forget();
    }
    const foreignLinks = [...this.#foreignLinks].map(([path, target]) => ({ path, target }));
    return {
      implied: [...this.#implied],
      rootNamed: this.#rootNamed,
      whiteoutParents: [...this.#whiteoutParents],
      foreignLinks,
    };
  }

  /** Closes everything after a failure; what was made stays for the caller to remove. */
  abandon(): void {
    if (this.#file !== undefined) files.close(this.#file.fd);
    this.#file = undefined;
    this.#directories.forget();
  }

  #entry(entry: TarEntry): void {
    const inArchive = cleanName(entry.name);
    if (inArchive === "") return this.#rootEntry(entry);
    const path = joinPath(this.#options.under ?? "", inArchive);
    refuseLong(path);
    this.#count();
    this.#timeNs = entry.mtimeNs;
    this.#foreignLinks.delete(path);
    const { parent, name } = splitPath(path);
    const isWhiteoutName = name.startsWith(WHITEOUT_PREFIX) && entry.type !== "dir";
    if (isWhiteoutName && this.#options.form !== "archive") return this.#whiteout(parent, name);
    const directory = this.#parent(parent);
    switch (entry.type) {
      case "dir":
        return this.#directory(entry, path, directory, name);
      case "file":
        return this.#beginFile(entry, path, directory, name);
      case "symlink":
        this.#makeInstead({ path, directory, name }, () => files.makeSymlink(entry.linkName, directory.fd, name));
        return this.#applyMeta(entry, directory, { name });
      case "hardlink":
        return this.#hardLink(entry, path, directory, name);
      case "char":
      case "block":
      case "fifo": {
        const mode = DEVICE_TYPES[entry.type] | (entry.mode & 0o7777);
        const how = { mode, major: entry.devMajor, minor: entry.devMinor };
        let missing: Device | undefined;
        const place = { directory: directory.fd, name };
        this.#makeInstead({ path, directory, name }, () => missing = this.#options.metadata.makeNode(place, how));
        return this.#applyMeta(entry, directory, { name, missing });
      }
    }
  }

  /** A name of 4,095 bytes implies two thousand directories: entries alone do not bound what an archive makes (S26). */
  #count(): void {
    const { most = DEFAULT_TAR_LIMITS.maxEntries } = this.#options;
    if (++this.#made > most) {
      throw new KilnError("integrity", `the archive makes more than ${most} files and directories`);
    }
  }

  #rootEntry(entry: TarEntry): void {
    if (entry.type !== "dir") throw new KilnError("integrity", `Cannot unpack the layer: its root is a ${entry.type}`);
    if (this.#options.form === "archive") return;
    const owner = this.#options.owner ?? entry;
    const place = { directory: this.#root, name: "." };
    this.#options.metadata.apply(place, { mode: S.IFDIR | entry.mode & 0o7777, owner });
    this.#rootNamed = true;
    this.#directoryTimes.set("", entry.mtimeNs);
  }

  #parent(path: BytePath): OpenDirectory {
    try {
      const directory = this.#openOrMake(path);
      this.#keepTime(path, directory);
      return directory;
    } catch (error) {
      const blocked = error instanceof SysError && error.is("ENOTDIR") && this.#options.form === "overlay";
      if (!blocked || !this.#replaceMarks(path)) throw error;
      return this.#openOrMake(path);
    }
  }

  /** In an overlay a directory that no entry names looks as it does below; a whole tree must not tell either. */
  #keepTime(path: BytePath, directory: OpenDirectory): void {
    if (this.#options.form !== "applied" || this.#seen.has(directory)) return;
    this.#seen.add(directory);
    const key = inodeKey(directory.stat);
    if (!this.#keptTimes.has(key)) this.#keptTimes.set(key, { path, stat: directory.stat });
  }

  #openOrMake(path: BytePath): OpenDirectory {
    return this.#directories.openOrMake(path, (made, parent, name) => {
      this.#keepTime(splitPath(made).parent, parent);
      this.#count();
      this.#implied.add(made);
      // Nobody says what it is like. With a time of its own the same layer would never be the same twice; what an
      // archive implies is made now, as by BuildKit.
      if (this.#options.form !== "archive") this.#directoryTimes.set(made, this.#timeNs);
      // It is root's whatever `ADD --chown` says, as by BuildKit.
      if (parent.setgid) this.#options.metadata.setOwner({ directory: parent.fd, name }, { uid: 0, gid: 0 });
    });
  }

  /** A directory this archive first hid and then needs: it is new, and hides what is below. */
  #replaceMarks(path: BytePath): boolean {
    let parent = "";
    for (const name of path.split("/")) {
      const directory = this.#directories.open(parent);
      const existing = tryStatAt(directory.fd, name);
      if (existing !== undefined && isWhiteout(existing)) {
        files.unlinkAt(directory.fd, name);
        files.makeDirectory(directory.fd, name, 0o755);
        markOpaque(directory.fd, name);
        return true;
      }
      parent = joinPath(parent, name);
    }
    return false;
  }

  #directory(entry: TarEntry, path: BytePath, parent: OpenDirectory, name: BytePath): void {
    const existing = tryStatAt(parent.fd, name);
    if (existing === undefined || !isDirectory(existing)) {
      if (existing !== undefined) this.#remove({ path, directory: parent, name });
      files.makeDirectory(parent.fd, name, 0o700);
      const hid = existing !== undefined && this.#options.form === "overlay" && isWhiteout(existing);
      if (hid) markOpaque(parent.fd, name);
    } else if (existing !== undefined && this.#options.form === "applied") {
      this.#options.metadata.dropXattrs({ directory: parent.fd, name });
    }
    this.#implied.delete(path);
    this.#applyMeta(entry, parent, { name });
    this.#directoryTimes.set(path, entry.mtimeNs);
  }

  #beginFile(entry: TarEntry, path: BytePath, directory: OpenDirectory, name: BytePath): void {
    const flags = files.O.WRONLY | files.O.CREAT | files.O.EXCL | files.O.NOFOLLOW;
    let fd = -1;
    this.#makeInstead(
      { path, directory, name },
      () => fd = files.openAt(directory.fd, name, flags, entry.mode & 0o755),
    );
    this.#file = { fd, entry, path, directory, name };
  }

  #finishFile(file: { fd: number; entry: TarEntry; directory: OpenDirectory; name: BytePath }): void {
    const { fd, entry, directory, name } = file;
    try {
      this.#applyMeta(entry, directory, { name, made: { mode: entry.mode & 0o755, isOurs: !directory.setgid } });
      files.setTimeOf(fd, splitTime(entry.mtimeNs));
    } finally {
      files.close(fd);
    }
  }

  #hardLink(entry: TarEntry, path: BytePath, directory: OpenDirectory, name: BytePath): void {
    const inArchive = cleanName(entry.linkName);
    if (inArchive === "") throw new KilnError("integrity", `it is a hard link to the root directory`);
    const target = joinPath(this.#options.under ?? "", inArchive);
    refuseLong(target);
    if (target === path) return;
    const { parent, name: targetName } = splitPath(target);
    let from: OpenDirectory | undefined;
    try {
      from = this.#directories.open(parent);
    } catch (error) {
      if (!(error instanceof SysError && error.is("ENOENT", "ENOTDIR"))) throw error;
    }
    const found = from === undefined ? undefined : tryStatAt(from.fd, targetName);
    const isHidden = this.#options.form === "overlay" && found !== undefined && isWhiteout(found);
    if (from === undefined || found === undefined || isHidden) {
      if (this.#options.form !== "overlay" || isHidden) {
        throw new KilnError("integrity", `its hard link target "${displayPath(entry.linkName)}" does not exist`);
      }
      this.#remove({ path, directory, name });
      this.#foreignLinks.set(path, this.#foreignLinks.get(target) ?? target);
      return;
    }
    if (isDirectory(found)) throw new KilnError("integrity", "it is a hard link to a directory");
    const source = { directory: from.fd, name: targetName };
    this.#makeInstead({ path, directory, name }, () => files.makeLink(source, { directory: directory.fd, name }));
  }

  /** Whiteouts: https://github.com/opencontainers/image-spec/blob/main/layer.md#whiteouts */
  #whiteout(parent: BytePath, name: BytePath): void {
    if (name === OPAQUE_NAME) return this.#opaque(parent);
    const hidden = name.slice(WHITEOUT_PREFIX.length);
    // aufs' own housekeeping (.wh..wh.plnk, .wh..wh.aufs, .wh..wh.orph) means nothing to anybody else.
    if (hidden.startsWith(WHITEOUT_PREFIX)) return;
    if (hidden === "" || hidden === "." || hidden === "..") {
      throw new KilnError("integrity", `it is a whiteout of nothing`);
    }
    if (this.#options.form === "overlay") return this.#hideBelow(parent, hidden);
    this.#removeOlder(this.#parent(parent), parent, hidden);
  }

  /** What this archive made under that name stays, whatever the order of the entries. */
  #hideBelow(parent: BytePath, hidden: BytePath): void {
    const directory = this.#parent(parent);
    const existing = tryStatAt(directory.fd, hidden);
    if (existing === undefined) {
      files.makeNode(directory.fd, hidden, WHITEOUT_DEVICE);
      this.#whiteoutParents.add(parent);
    } else if (isDirectory(existing)) markOpaque(directory.fd, hidden);
  }

  #opaque(parent: BytePath): void {
    if (this.#options.form === "overlay") return markOpaque(this.#parent(parent).fd, "");
    const directory = this.#parent(parent);
    for (const child of listDirectory(directory.fd)) this.#removeOlder(directory, parent, child);
  }

  #openExisting(path: BytePath): OpenDirectory | undefined {
    try {
      return this.#directories.open(path);
    } catch (error) {
      if (error instanceof SysError && error.is("ENOENT", "ENOTDIR", "ELOOP")) return undefined;
      throw error;
    }
  }

  /** Removes an entry but for what this archive made or named in it. */
  #removeOlder(directory: OpenDirectory, parent: BytePath, name: BytePath): void {
    const existing = tryStatAt(directory.fd, name);
    if (existing === undefined) return;
    const path = joinPath(parent, name);
    const made = birthTimeAt(directory.fd, name);
    if (made === undefined || made < this.#began) {
      const isNeeded = isDirectory(existing) && this.#removeOlderChildren(directory, path, name);
      if (!isNeeded && !this.#directoryTimes.has(path)) this.#remove({ path, directory, name });
    } else if (isDirectory(existing)) {
      this.#removeOlderChildren(directory, path, name);
    }
  }

  /** Returns whether something younger is left in the directory. */
  #removeOlderChildren(directory: OpenDirectory, path: BytePath, name: BytePath): boolean {
    const fd = files.openAt(directory.fd, name, files.O.RDONLY | files.O.DIRECTORY | files.O.NOFOLLOW);
    try {
      const opened = openDirectoryOf(fd);
      this.#keepTime(path, opened);
      for (const child of listDirectory(fd)) this.#removeOlder(opened, path, child);
      return listDirectory(fd).length > 0;
    } finally {
      files.close(fd);
    }
  }

  /** Runs `make`; if the name is taken, removes what is there and runs it again. */
  #makeInstead(place: Place, make: () => void): void {
    try {
      make();
    } catch (error) {
      if (!(error instanceof SysError && error.is("EEXIST"))) throw error;
      this.#remove(place);
      make();
    }
  }

  #remove({ path, directory, name }: Place): void {
    const existing = tryStatAt(directory.fd, name);
    if (existing === undefined) return;
    removeTree(directory.fd, name);
    const type = existing.mode & S.IFMT;
    // An archive may name a directory and later something else in its place.
    if (type === S.IFDIR) [this.#directoryTimes, this.#foreignLinks].forEach((known) => forgetBelow(known, path));
    // The entry at hand still needs the descriptor of its parent, a hard link its target's as well.
    if (type === S.IFDIR || type === S.IFLNK) this.#directories.retire();
  }

  #applyMeta(
    entry: TarEntry,
    directory: OpenDirectory,
    { name, ...known }: { readonly name: BytePath } & Pick<WantedMetadata, "missing" | "made">,
  ): void {
    const { metadata, owner } = this.#options;
    metadata.apply({ directory: directory.fd, name }, {
      mode: TYPES[entry.type] | entry.mode & 0o7777,
      owner: owner ?? entry,
      ...entry.xattrs === undefined ? {} : { xattrs: entry.xattrs },
      // A directory may have been there before.
      ...entry.type === "dir" ? {} : { made: { isOurs: !directory.setgid } },
      ...known,
    });
    // Files have theirs set when they are closed, directories at the end.
    if (entry.type !== "dir" && entry.type !== "file") {
      files.setTime(directory.fd, name, splitTime(entry.mtimeNs));
    }
  }

  #explain(error: unknown, path: BytePath): unknown {
    const shown = displayPath(path);
    if (error instanceof KilnError) {
      return new KilnError(error.kind, `Cannot unpack "${shown}": ${error.message}`, { cause: error });
    }
    return error instanceof SysError ? explainSysError(error, `unpack "${shown}"`, "integrity") : error;
  }
}

/** Forgets what is known of a path and of what was below it. */
function forgetBelow(known: Map<BytePath, unknown>, path: BytePath): void {
  for (const other of known.keys()) {
    if (other === path || other.startsWith(`${path}/`)) known.delete(other);
  }
}

/**
 * No other reader of layers takes longer paths, and one entry with thousands of directories in its name would take
 * minutes to make (attack S11).
 */
function refuseLong(path: BytePath): void {
  if (path.length > MOST_PATH_BYTES) throw new SysError("openat", ERRNO.ENAMETOOLONG);
}

const DEVICE_TYPES = { char: S.IFCHR, block: S.IFBLK, fifo: S.IFIFO } as const;
const TYPES = { ...DEVICE_TYPES, dir: S.IFDIR, file: S.IFREG, symlink: S.IFLNK, hardlink: S.IFREG } as const;

/**
 * Returns an entry name without leading, trailing and doubled slashes and "." components; "" is the root.
 *
 * @throws {KilnError} if it has a ".." component (attack S01): no honest layer has, and readers disagree about them.
 */
export function cleanName(name: BytePath): BytePath {
  if (!/(^|\/)(\.{0,2}(\/|$))/.test(name)) return name;
  const parts: BytePath[] = [];
  for (const part of name.split("/")) {
    if (part === "" || part === ".") continue;
    if (part === "..") throw new KilnError("integrity", 'its name has a ".." component');
    parts.push(part);
  }
  return parts.join("/");
}

/** Splits nanoseconds since the epoch into whole seconds and the rest, also before 1970. */
export function splitTime(timeNs: bigint): { sec: number; nsec: number } {
  let sec = timeNs / 1_000_000_000n;
  let nsec = timeNs % 1_000_000_000n;
  if (nsec < 0n) [sec, nsec] = [sec - 1n, nsec + 1_000_000_000n];
  return { sec: Number(sec), nsec: Number(nsec) };
}
