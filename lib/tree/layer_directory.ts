/**
 * A directory of a stack of overlay layers, merged as overlayfs would merge it, without mounting anything.
 *
 * Mounting and unmounting costs some ten milliseconds a time; comparing what a RUN changed with what was there takes
 * a few lookups.
 *
 * @module
 */
import type { BytePath } from "../io/byte_path.ts";
import { listDirectory } from "../sys/directory.ts";
import { close, O, openAt, openDirectory } from "../sys/file.ts";
import { isDirectory, isSocket, type Stat, statAt, tryStatAt } from "../sys/stat.ts";
import type { Located } from "./metadata.ts";
import { splitPath } from "./open_directories.ts";
import { isOpaque, isWhiteout } from "./overlay_marks.ts";
import type { Metadata } from "./metadata_access.ts";

/** How to look at layers. */
export interface LayerView {
  readonly metadata: Metadata;
  /** Whether sockets count as there, which no layer can hold. */
  readonly sockets?: true;
}

/** A merged directory. To be disposed of. */
export class LayerDirectory implements Disposable {
  /** Topmost first; at least one. */
  readonly #fds: readonly number[];
  readonly #view: LayerView;

  private constructor(fds: readonly number[], view: LayerView) {
    this.#fds = fds;
    this.#view = view;
  }

  /** Opens the root of a stack of layer directories, lowest first; undefined for an empty stack. */
  static open(layers: readonly BytePath[], view: LayerView): LayerDirectory | undefined {
    const fds: number[] = [];
    try {
      for (const layer of layers.toReversed()) fds.push(openDirectory(layer));
    } catch (error) {
      fds.forEach(close);
      throw error;
    }
    return fds.length === 0 ? undefined : new LayerDirectory(fds, view);
  }

  /** Returns the entry of that name, or undefined. */
  lookup(name: BytePath): Located | undefined {
    for (const directory of this.#fds) {
      const stat = this.#view.metadata.tryStatAt(directory, name);
      if (stat !== undefined) return this.#shows(stat) ? { directory, name, stat } : undefined;
    }
    return undefined;
  }

  /** Opens the directory of that name, or returns undefined if there is none. Symlinks are not followed. */
  enter(name: BytePath): LayerDirectory | undefined {
    const found: number[] = [];
    for (const fd of this.#fds) {
      const stat = tryStatAt(fd, name);
      if (stat === undefined) continue;
      if (!isDirectory(stat)) break;
      const child = openAt(fd, name, O.RDONLY | O.DIRECTORY | O.NOFOLLOW);
      found.push(child);
      if (isOpaque(child, "")) break;
    }
    return found.length === 0 ? undefined : new LayerDirectory(found, this.#view);
  }

  /** Returns the names in the directory, in byte order. */
  names(): BytePath[] {
    const seen = new Map<BytePath, boolean>();
    for (const fd of this.#fds) {
      for (const name of listDirectory(fd)) {
        if (!seen.has(name)) seen.set(name, this.#shows(statAt(fd, name)));
      }
    }
    return [...seen].filter(([, shown]) => shown).map(([name]) => name).sort();
  }

  /** Calls `body` with the entry a path names (no symlink followed on the way), or with undefined. */
  locate<T>(path: BytePath, body: (found: Located | undefined) => T): T {
    const { parent, name } = splitPath(path);
    if (parent === "") return body(this.lookup(name));
    return this.within(parent, (directory) => body(directory?.lookup(name)));
  }

  /** Calls `body` with the directory a path names (no symlink followed on the way), or with undefined. */
  within<T>(path: BytePath, body: (directory: LayerDirectory | undefined) => T): T {
    const slash = path.indexOf("/");
    using next = this.enter(slash < 0 ? path : path.slice(0, slash));
    if (slash < 0 || next === undefined) return body(next);
    return next.within(path.slice(slash + 1), body);
  }

  [Symbol.dispose](): void {
    this.#fds.forEach(close);
  }

  #shows(stat: Stat): boolean {
    return !isWhiteout(stat) && (this.#view.sockets === true || !isSocket(stat));
  }
}
