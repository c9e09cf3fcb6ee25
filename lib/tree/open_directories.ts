/**
 * A bounded cache of open directories below a root, keyed by path: archives and directory copies name the same parents
 * again and again.
 *
 * A cached descriptor is right only while no entry on its path is replaced: whoever removes a directory or a symlink
 * calls `forget`, or `retire` while descriptors are still in use. What was opened last is closed last, so that a
 * descriptor holds while a few others are opened; a walk that opens many asks again.
 *
 * @module
 */
import type { BytePath } from "../io/byte_path.ts";
import { ERRNO, SysError } from "../sys/errno.ts";
import { AT_FDCWD, close, makeDirectory, O, readLink } from "../sys/file.ts";
import { openInRoot } from "../sys/resolve.ts";
import { type Stat, statOf } from "../sys/stat.ts";
import { realPathIn } from "./real_path.ts";

/** An open directory. */
export interface OpenDirectory {
  readonly fd: number;
  /** As it was when it was opened. */
  readonly stat: Stat;
  /** Whether new entries get the directory's group instead of ours. */
  readonly setgid: boolean;
}

/** Told about a directory that was made: its real path below the root, its parent and its name. */
export type Made = (path: BytePath, parent: OpenDirectory, name: BytePath) => void;

const CAPACITY = 32;
/** As the kernel's own limit. */
const MAX_LINKS = 40;

/** Directories below a root, opened on demand. */
export class OpenDirectories {
  readonly #root: number;
  readonly #entries = new Map<BytePath, OpenDirectory>();
  #retired: readonly OpenDirectory[] = [];

  /** @param root descriptor of the root; stays the caller's. */
  constructor(root: number) {
    this.#root = root;
  }

  /** Opens `path` (no leading slash; "" is the root) as a directory, symlinks resolved inside the root. */
  open(path: BytePath): OpenDirectory {
    const known = this.#known(path);
    if (known !== undefined) return known;
    const fd = openInRoot(this.#root, path, O.RDONLY | O.DIRECTORY);
    return this.#add(path, fd);
  }

  /**
   * As `open`, but makes missing directories 0755, also where a symlink leads to a place that does not exist yet.
   * `made` is told the path of each, parents first.
   *
   * @throws {SysError} ENOTDIR, if something on the way is no directory; ELOOP for links in a circle.
   */
  openOrMake(path: BytePath, made: Made): OpenDirectory {
    return this.#openOrMake(path, made, 0);
  }

  #openOrMake(path: BytePath, made: Made, links: number): OpenDirectory {
    const known = this.#known(path);
    if (known !== undefined) return known;
    try {
      return this.open(path);
    } catch (error) {
      if (!(error instanceof SysError && error.is("ENOENT")) || path === "") throw error;
      if (links >= MAX_LINKS) throw new SysError("openat", ERRNO.ELOOP, path);
    }
    const { parent, name } = splitPath(path);
    const above = this.#openOrMake(parent, made, links);
    const place = (): BytePath => this.#placeOf(above.fd) ?? realPathIn(this.#root, parent).path;
    try {
      makeDirectory(above.fd, name, 0o755);
    } catch (error) {
      if (!(error instanceof SysError && error.is("EEXIST"))) throw error;
      // It exists and does not open: a symlink to a place that is not there yet.
      this.#openOrMake(linkedPath(place(), readLink(above.fd, name)), made, links + 1);
      return this.open(path);
    }
    made(joinPath(place(), name), above, name);
    return this.open(path);
  }

  /** Where an open directory really is, relative to the root; undefined beyond the 4,095 bytes that /proc shows. */
  #placeOf(fd: number): BytePath | undefined {
    try {
      const root = readLink(AT_FDCWD, `/proc/self/fd/${this.#root}`);
      return readLink(AT_FDCWD, `/proc/self/fd/${fd}`).slice(root === "/" ? 1 : root.length + 1);
    } catch (error) {
      if (error instanceof SysError && error.is("ENAMETOOLONG")) return undefined;
      throw error;
    }
  }

  /** Closes everything cached. To be called when a directory or symlink was removed, and at the end. */
  forget(): void {
    this.retire();
    this.closeRetired();
  }

  /** As `forget`, but leaves the descriptors open until `closeRetired` or `forget`. */
  retire(): void {
    this.#retired = [...this.#retired, ...this.#entries.values()];
    this.#entries.clear();
  }

  /** Closes what was retired. */
  closeRetired(): void {
    for (const { fd } of this.#retired) close(fd);
    this.#retired = [];
  }

  #known(path: BytePath): OpenDirectory | undefined {
    const known = this.#entries.get(path);
    if (known === undefined) return undefined;
    this.#entries.delete(path);
    this.#entries.set(path, known);
    return known;
  }

  #add(path: BytePath, fd: number): OpenDirectory {
    const directory = openDirectoryOf(fd);
    if (this.#entries.size >= CAPACITY) {
      const [oldest] = this.#entries.keys();
      if (oldest !== undefined) {
        close(this.#entries.get(oldest)?.fd ?? -1);
        this.#entries.delete(oldest);
      }
    }
    this.#entries.set(path, directory);
    return directory;
  }
}

/** Returns an open directory as others take it; the descriptor stays the caller's. */
export function openDirectoryOf(fd: number): OpenDirectory {
  const stat = statOf(fd);
  return { fd, stat, setgid: (stat.mode & 0o2000) !== 0 };
}

/** Splits off the last component: "a/b/c" is "a/b" and "c"; "c" is "" and "c". */
export function splitPath(path: BytePath): { parent: BytePath; name: BytePath } {
  const slash = path.lastIndexOf("/");
  return slash < 0 ? { parent: "", name: path } : { parent: path.slice(0, slash), name: path.slice(slash + 1) };
}

/** Joins with a slash; "" is the root. */
export function joinPath(parent: BytePath, name: BytePath): BytePath {
  return parent === "" ? name : `${parent}/${name}`;
}

/** Where a symlink in `place` leads; ".." never goes above the root. Components may be symlinks themselves. */
function linkedPath(place: BytePath, target: BytePath): BytePath {
  const parts = target.startsWith("/") ? [] : place.split("/").filter((part) => part !== "");
  for (const part of target.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return parts.join("/");
}
