/**
 * Comparing a whole tree with its index: the chroot backend's way to find what a command changed.
 *
 * The scan writes the new index and a list of candidates in canonical order. Entries whose ctime and inode are
 * unchanged are unchanged. A file of which only ctime or inode changed (`chown -R` to the same owner) is a suspect:
 * whether its content changed is decided by its previous content, which is in the layers.
 *
 * @module
 */
import type { BytePath } from "../io/byte_path.ts";
import { listDirectory } from "../sys/directory.ts";
import { close, O, openAt, readLink } from "../sys/file.ts";
import { inodeKey, isDirectory, isFile, isSocket, isSymlink, type Stat, statAt } from "../sys/stat.ts";
import { statusDiffers } from "./metadata.ts";
import { joinPath } from "./open_directories.ts";
import type { Metadata } from "./metadata_access.ts";
import { type IndexedEntry, TreeIndexReader, TreeIndexWriter, xattrDigestOf } from "./tree_index.ts";

/** Names of one file that has several, as found in a scan. */
export interface LinkGroup {
  readonly paths: readonly BytePath[];
  /** Whether the names became names of one file only now. */
  readonly isNew: boolean;
}

/** What a scan found. */
export interface ScanResult {
  /** Inode to the names of the file, for files with several names. */
  readonly links: ReadonlyMap<string, LinkGroup>;
}

/** Takes the candidates of a scan in canonical order. */
export interface ScanListener {
  whiteout(path: BytePath): void;
  changed(path: BytePath): void;
  /** A file that may have other content under the same size and times. */
  suspect(path: BytePath, stat: Stat): void;
  /** An unchanged name of a file with several. */
  linked(path: BytePath): void;
}

/** Where a scan reads and writes. */
export interface ScanFiles {
  /** Index of the tree before; undefined: the tree was empty. */
  readonly before: BytePath | undefined;
  readonly after: BytePath;
  readonly metadata: Metadata;
}

/** Scans the tree at descriptor `root`. */
export function scanTree(root: number, files: ScanFiles, listener: ScanListener): ScanResult {
  const before = files.before === undefined ? undefined : new TreeIndexReader(files.before);
  const after = new TreeIndexWriter(files.after);
  const scan = new Scan({ before, after, listener, metadata: files.metadata });
  try {
    scan.directory(root, "", before?.block());
    return { links: scan.linkGroups() };
  } finally {
    before?.close();
    after.close();
  }
}

interface FoundLink {
  readonly paths: BytePath[];
  readonly oldInodes: Set<string>;
}

class Scan {
  readonly #before: TreeIndexReader | undefined;
  readonly #after: TreeIndexWriter;
  readonly #listener: ScanListener;
  readonly #metadata: Metadata;
  readonly #links = new Map<string, FoundLink>();

  constructor({ before, after, listener, metadata }: {
    readonly before: TreeIndexReader | undefined;
    readonly after: TreeIndexWriter;
    readonly listener: ScanListener;
    readonly metadata: Metadata;
  }) {
    this.#before = before;
    this.#after = after;
    this.#listener = listener;
    this.#metadata = metadata;
  }

  linkGroups(): ReadonlyMap<string, LinkGroup> {
    const groups = new Map<string, LinkGroup>();
    for (const [key, { paths, oldInodes }] of this.#links) {
      if (paths.length > 1) groups.set(key, { paths, isNew: oldInodes.size > 1 });
    }
    return groups;
  }

  /** Compares one directory. `old`: its children before, or undefined if it was not there as a directory. */
  directory(fd: number, path: BytePath, old: readonly IndexedEntry[] | undefined): void {
    const oldByName = new Map(old?.map((entry) => [entry.name, entry]));
    const children: { entry: IndexedEntry; old: IndexedEntry | undefined }[] = [];
    for (const name of listDirectory(fd)) {
      const stat = statAt(fd, name);
      if (isSocket(stat)) continue;
      const previous = oldByName.get(name);
      children.push({ entry: this.#indexed(fd, { name, stat, old: previous }), old: previous });
    }
    this.#after.block(children.map(({ entry }) => entry));
    this.#whiteouts(path, children, old ?? []);
    // Blocks of the old index come in the order of the old names; new directories have none.
    const queue = (old ?? []).filter((entry) => isDirectory(entry.stat));
    for (const child of children) {
      const { entry } = child;
      while (queue[0] !== undefined && queue[0].name < entry.name) this.#skipBlock(queue);
      this.#compare(child, path);
      if (!isDirectory(entry.stat)) continue;
      const wasDirectory = queue[0]?.name === entry.name;
      if (wasDirectory) queue.shift();
      const block = wasDirectory ? this.#before?.block() : undefined;
      this.#descend(fd, entry.name, joinPath(path, entry.name), block);
    }
    while (queue.length > 0) this.#skipBlock(queue);
  }

  #descend(fd: number, name: BytePath, path: BytePath, block: readonly IndexedEntry[] | undefined): void {
    const child = openAt(fd, name, O.RDONLY | O.DIRECTORY | O.NOFOLLOW);
    try {
      this.directory(child, path, block);
    } finally {
      close(child);
    }
  }

  /** Passes over the block of a directory that is gone or is no directory any more. */
  #skipBlock(queue: IndexedEntry[]): void {
    queue.shift();
    const before = this.#before;
    if (before !== undefined) before.skip(before.block());
  }

  #whiteouts(
    path: BytePath,
    children: readonly { entry: IndexedEntry; old: IndexedEntry | undefined }[],
    old: readonly IndexedEntry[],
  ): void {
    const now = new Map(children.map(({ entry }) => [entry.name, entry]));
    for (const previous of old) {
      const entry = now.get(previous.name);
      const replaced = entry !== undefined && isDirectory(previous.stat) && !isDirectory(entry.stat);
      if (entry === undefined || replaced) this.#listener.whiteout(joinPath(path, previous.name));
    }
  }

  #compare(child: { entry: IndexedEntry; old: IndexedEntry | undefined }, directory: BytePath): void {
    const { entry, old } = child;
    const path = joinPath(directory, entry.name);
    const several = !isDirectory(entry.stat) && entry.stat.nlink > 1;
    if (several) this.#noteLink(entry.stat, path, old);
    if (old === undefined || entryDiffers(entry, old)) this.#listener.changed(path);
    else if (isFile(entry.stat) && entry.stat.size > 0 && wasTouched(entry.stat, old.stat)) {
      this.#listener.suspect(path, entry.stat);
    } else if (several) this.#listener.linked(path);
  }

  /** Everything but the status is read only for entries that were touched. */
  #indexed(
    fd: number,
    { name, stat, old }: { readonly name: BytePath; readonly stat: Stat; readonly old: IndexedEntry | undefined },
  ): IndexedEntry {
    if (old !== undefined && !wasTouched(stat, old.stat)) return { ...old, stat: { ...old.stat, nlink: stat.nlink } };
    return {
      name,
      stat: this.#metadata.statAt(fd, name),
      linkTarget: isSymlink(stat) ? readLink(fd, name) : "",
      xattrDigest: xattrDigestOf(this.#metadata.xattrsAt(fd, name)),
    };
  }

  #noteLink(stat: Stat, path: BytePath, old: IndexedEntry | undefined): void {
    const key = inodeKey(stat);
    const found = this.#links.get(key) ?? { paths: [], oldInodes: new Set() };
    found.paths.push(path);
    found.oldInodes.add(old === undefined ? path : inodeKey(old.stat));
    this.#links.set(key, found);
  }
}

function entryDiffers(entry: IndexedEntry, old: IndexedEntry): boolean {
  return statusDiffers(entry.stat, old.stat) || entry.linkTarget !== old.linkTarget ||
    entry.xattrDigest !== old.xattrDigest;
}

function wasTouched(stat: Stat, old: Stat): boolean {
  return stat.ctimeSec !== old.ctimeSec || stat.ctimeNsec !== old.ctimeNsec || inodeKey(stat) !== inodeKey(old);
}
