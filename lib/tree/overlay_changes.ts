/**
 * The changes in an overlay's upper directory against what lies below it.
 *
 * An upper directory holds more than a layer should: files copied up and not changed, directories that are only on
 * the way, opaque marks. Each entry is compared with the lower tree, so that the result is the same as comparing two
 * whole trees.
 *
 * @module
 */
import type { BytePath } from "../io/byte_path.ts";
import { listDirectory } from "../sys/directory.ts";
import { close, O, openAt } from "../sys/file.ts";
import { inodeKey, isDirectory, isFile, isSocket, type Stat, statAt, tryStatAt } from "../sys/stat.ts";
import type { Change } from "./change.ts";
import { differs } from "./metadata.ts";
import { joinPath, splitPath } from "./open_directories.ts";
import { isOpaque, isWhiteout } from "./overlay_marks.ts";

/**
 * Walks the upper directory at `upper` and yields the changes against the tree at `lower` (undefined: nothing).
 * Both are descriptors that stay the caller's. Descriptors inside a change are valid until the next one.
 */
export function* overlayChanges(upper: number, lower: number | undefined): Generator<Change> {
  const links = new LinkGroups(upper, lower);
  yield* changesIn({ upper, lower, path: "", opaque: false }, links);
}

/** A directory of the upper layer and its counterpart. */
interface Place {
  readonly upper: number;
  /** The directory of the same path below, if there is one. */
  readonly lower: number | undefined;
  readonly path: BytePath;
  /** Whether the upper directory hides the lower one: what is missing in it is deleted. */
  readonly opaque: boolean;
}

interface Child {
  readonly name: BytePath;
  readonly stat: Stat;
  readonly below: Stat | undefined;
}

function* changesIn(place: Place, links: LinkGroups): Generator<Change> {
  const { upper, lower, path } = place;
  const children: Child[] = [];
  const hidden: BytePath[] = [];
  const names = listDirectory(upper);
  for (const name of names) {
    const stat = statAt(upper, name);
    const below = lower === undefined ? undefined : tryStatAt(lower, name);
    if (isWhiteout(stat)) {
      if (below !== undefined) hidden.push(name);
      continue;
    }
    if (isSocket(stat)) continue; // a socket means nothing without the process that listens on it
    if (below !== undefined && isDirectory(below) && !isDirectory(stat)) hidden.push(name);
    children.push({ name, stat, below });
  }
  if (place.opaque && lower !== undefined) {
    const present = new Set(names);
    hidden.push(...listDirectory(lower).filter((name) => !present.has(name)));
    hidden.sort();
  }
  for (const name of hidden) yield { kind: "whiteout", path: joinPath(path, name) };
  for (const child of children) {
    if (isDirectory(child.stat)) yield* directoryChanges(place, child, links);
    else yield* fileChange(place, child, links);
  }
}

function* fileChange(place: Place, child: Child, links: LinkGroups): Generator<Change> {
  const { name, stat } = child;
  const located = { directory: place.upper, name, stat };
  const path = joinPath(place.path, name);
  const group = isFile(stat) && stat.nlink > 1 ? links.groupOf(stat) : undefined;
  if (group === undefined) {
    if (isChanged(place, child)) yield { kind: "entry", path, located };
    return;
  }
  // All names of a changed file are written, also those that are equal below: only so they stay linked.
  if (!links.isChanged(group)) return;
  const first = group[0] ?? path;
  yield first === path ? { kind: "entry", path, located } : { kind: "entry", path, located, linkTo: first };
}

function* directoryChanges(place: Place, child: Child, links: LinkGroups): Generator<Change> {
  const { name, stat, below } = child;
  const path = joinPath(place.path, name);
  if (isChanged(place, child)) {
    yield { kind: "entry", path, located: { directory: place.upper, name, stat } };
  }
  const flags = O.RDONLY | O.DIRECTORY | O.NOFOLLOW;
  const upper = openAt(place.upper, name, flags);
  try {
    const merged = place.lower !== undefined && below !== undefined && isDirectory(below);
    const lower = merged && place.lower !== undefined ? openAt(place.lower, name, flags) : undefined;
    try {
      const opaque = lower !== undefined && (place.opaque || isOpaque(place.upper, name));
      yield* changesIn({ upper, lower, path, opaque }, links);
    } finally {
      if (lower !== undefined) close(lower);
    }
  } finally {
    close(upper);
  }
}

function isChanged(place: Place, child: Child): boolean {
  const { name, stat, below } = child;
  if (place.lower === undefined || below === undefined) return true;
  return differs({ directory: place.upper, name, stat }, { directory: place.lower, name, stat: below });
}

/** Files of the upper layer that have several names in it. Few, so they are found in a walk of their own. */
class LinkGroups {
  readonly #upper: number;
  readonly #lower: number | undefined;
  /** Inode to its paths in canonical order; only those with more than one. */
  readonly #groups: ReadonlyMap<string, readonly BytePath[]>;
  readonly #changed = new Map<readonly BytePath[], boolean>();

  constructor(upper: number, lower: number | undefined) {
    this.#upper = upper;
    this.#lower = lower;
    const found = new Map<string, BytePath[]>();
    collectLinks(upper, "", found);
    this.#groups = new Map([...found].filter(([, paths]) => paths.length > 1));
  }

  groupOf(stat: Stat): readonly BytePath[] | undefined {
    return this.#groups.get(inodeKey(stat));
  }

  isChanged(group: readonly BytePath[]): boolean {
    const known = this.#changed.get(group);
    if (known !== undefined) return known;
    const changed = group.some((path) => this.#differs(path)) || !this.#linkedBelow(group);
    this.#changed.set(group, changed);
    return changed;
  }

  #differs(path: BytePath): boolean {
    return withParent(this.#upper, path, (upper, name) => {
      if (upper === undefined || this.#lower === undefined) return true;
      return withParent(this.#lower, path, (lower) => {
        const below = lower === undefined ? undefined : tryStatAt(lower, name);
        if (lower === undefined || below === undefined) return true;
        const stat = statAt(upper, name);
        return differs({ directory: upper, name, stat }, { directory: lower, name, stat: below });
      });
    });
  }

  /** Whether the names were names of one file below, too. */
  #linkedBelow(group: readonly BytePath[]): boolean {
    const keys = group.map((path) =>
      withParent(this.#lower ?? -1, path, (lower, name) => {
        const below = lower === undefined ? undefined : tryStatAt(lower, name);
        return below === undefined ? path : inodeKey(below);
      })
    );
    return keys.every((key) => key === keys[0]);
  }
}

function collectLinks(directory: number, path: BytePath, found: Map<string, BytePath[]>): void {
  for (const name of listDirectory(directory)) {
    const stat = statAt(directory, name);
    if (isDirectory(stat)) {
      const fd = openAt(directory, name, O.RDONLY | O.DIRECTORY | O.NOFOLLOW);
      try {
        collectLinks(fd, joinPath(path, name), found);
      } finally {
        close(fd);
      }
    } else if (isFile(stat) && stat.nlink > 1) {
      const key = inodeKey(stat);
      const paths = found.get(key);
      if (paths === undefined) found.set(key, [joinPath(path, name)]);
      else paths.push(joinPath(path, name));
    }
  }
}

/** Opens the parent of a path without following a link anywhere on the way; undefined if it is not there. */
function withParent<T>(root: number, path: BytePath, body: (parent: number | undefined, name: BytePath) => T): T {
  const { parent, name } = splitPath(path);
  if (parent === "") return body(root < 0 ? undefined : root, name);
  let fd = root;
  try {
    for (const part of parent.split("/")) {
      const stat = fd < 0 ? undefined : tryStatAt(fd, part);
      if (stat === undefined || !isDirectory(stat)) return body(undefined, name);
      const next = openAt(fd, part, O.RDONLY | O.DIRECTORY | O.NOFOLLOW);
      if (fd !== root) close(fd);
      fd = next;
    }
    return body(fd, name);
  } finally {
    if (fd !== root && fd >= 0) close(fd);
  }
}
