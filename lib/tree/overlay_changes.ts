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
import { inodeKey, isDirectory, isSocket, type Stat, statAt } from "../sys/stat.ts";
import type { Change } from "./change.ts";
import type { LayerDirectory } from "./layer_directory.ts";
import { differs, type Located } from "./metadata.ts";
import { joinPath } from "./open_directories.ts";
import { isOpaque, isWhiteout } from "./overlay_marks.ts";
import type { Metadata } from "./metadata_access.ts";

/**
 * Walks the upper directory at descriptor `upper` and yields its changes against `lower` (undefined: nothing is
 * below). Both stay the caller's. Descriptors inside a change are valid until the next one is asked for.
 */
export function* overlayChanges(
  upper: number,
  lower: LayerDirectory | undefined,
  metadata: Metadata,
): Generator<Change> {
  const links = new LinkGroups(upper, lower, metadata);
  yield* changesIn({ upper, lower, path: "", opaque: false }, { links, metadata });
}

/** What all of a walk needs. */
interface Walk {
  readonly links: LinkGroups;
  readonly metadata: Metadata;
}

/** A directory of the upper layer and its counterpart. */
interface Place {
  readonly upper: number;
  /** The directory of the same path below, if there is one. */
  readonly lower: LayerDirectory | undefined;
  readonly path: BytePath;
  /** Whether the upper directory hides the lower one: what is missing in it is deleted. */
  readonly opaque: boolean;
}

interface Child {
  readonly located: Located;
  readonly path: BytePath;
  readonly below: Located | undefined;
}

function* changesIn(place: Place, walk: Walk): Generator<Change> {
  const { upper, lower, path } = place;
  const children: Child[] = [];
  const hidden: BytePath[] = [];
  const names = listDirectory(upper);
  for (const name of names) {
    const stat = walk.metadata.statAt(upper, name);
    const below = lower?.lookup(name);
    // A socket means nothing without the process that listens on it, but what it replaced is gone.
    if (isWhiteout(stat) || isSocket(stat)) {
      if (below !== undefined) hidden.push(name);
      continue;
    }
    if (below !== undefined && isDirectory(below.stat) && !isDirectory(stat)) hidden.push(name);
    children.push({ located: { directory: upper, name, stat }, path: joinPath(path, name), below });
  }
  if (place.opaque && lower !== undefined) {
    const present = new Set(names);
    hidden.push(...lower.names().filter((name) => !present.has(name)));
    hidden.sort();
  }
  for (const name of hidden) yield { kind: "whiteout", path: joinPath(path, name) };
  for (const child of children) {
    if (isDirectory(child.located.stat)) yield* directoryChanges(place, child, walk);
    else yield* fileChange(child, walk);
  }
}

function* fileChange(child: Child, { links, metadata }: Walk): Generator<Change> {
  const { located, path } = child;
  const group = links.groupOf(located.stat);
  if (group === undefined) {
    if (isChanged(child, metadata)) yield { kind: "entry", path, located };
    return;
  }
  // All names of a changed file are written, also those that are equal below: only so they stay linked.
  if (!links.isChanged(group)) return;
  const first = group[0]?.path ?? path;
  yield first === path ? { kind: "entry", path, located } : { kind: "entry", path, located, linkTo: first };
}

function* directoryChanges(place: Place, child: Child, walk: Walk): Generator<Change> {
  const { located, path } = child;
  if (isChanged(child, walk.metadata)) yield { kind: "entry", path, located };
  const upper = openAt(place.upper, located.name, O.RDONLY | O.DIRECTORY | O.NOFOLLOW);
  try {
    using lower = place.lower?.enter(located.name);
    const opaque = lower !== undefined && (place.opaque || isOpaque(upper, ""));
    yield* changesIn({ upper, lower, path, opaque }, walk);
  } finally {
    close(upper);
  }
}

function isChanged(
  { located, below }: { located: Located; below: Located | undefined },
  metadata: Metadata,
): boolean {
  return below === undefined || differs(located, below, metadata);
}

/** One name of a file with several. */
interface LinkedName {
  readonly path: BytePath;
  /** Whether this name alone would be a change. */
  readonly changed: boolean;
  /** What the name named below. */
  readonly inodeBelow: string;
}

/** Files of the upper layer that have several names in it. They are few, so a walk of its own finds them first. */
class LinkGroups {
  readonly #groups: ReadonlyMap<string, readonly LinkedName[]>;

  constructor(upper: number, lower: LayerDirectory | undefined, metadata: Metadata) {
    const found = new Map<string, LinkedName[]>();
    collectLinks({ directory: upper, path: "", lower, metadata }, found);
    this.#groups = new Map([...found].filter(([, names]) => names.length > 1));
  }

  groupOf(stat: Stat): readonly LinkedName[] | undefined {
    return stat.nlink > 1 ? this.#groups.get(inodeKey(stat)) : undefined;
  }

  /** Whether one of the names changed, or they were not names of one file before. */
  isChanged(group: readonly LinkedName[]): boolean {
    return group.some(({ changed, inodeBelow }) => changed || inodeBelow !== group[0]?.inodeBelow);
  }
}

function collectLinks(
  place: { directory: number; path: BytePath; lower: LayerDirectory | undefined; metadata: Metadata },
  found: Map<string, LinkedName[]>,
): void {
  const { directory, lower, metadata } = place;
  for (const name of listDirectory(directory)) {
    const stat = statAt(directory, name);
    const path = joinPath(place.path, name);
    if (isDirectory(stat)) {
      const child = openAt(directory, name, O.RDONLY | O.DIRECTORY | O.NOFOLLOW);
      try {
        using below = lower?.enter(name);
        collectLinks({ directory: child, path, lower: below, metadata }, found);
      } finally {
        close(child);
      }
    } else if (stat.nlink > 1 && !isWhiteout(stat) && !isSocket(stat)) {
      const below = lower?.lookup(name);
      const located = { directory, name, stat: metadata.statAt(directory, name) };
      const changed = isChanged({ located, below }, metadata);
      const entry = { path, changed, inodeBelow: below === undefined ? path : inodeKey(below.stat) };
      const names = found.get(inodeKey(stat));
      if (names === undefined) found.set(inodeKey(stat), [entry]);
      else names.push(entry);
    }
  }
}
