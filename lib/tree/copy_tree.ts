/**
 * Copying a whole tree, entry for entry, hard links and times included: to an empty directory, or over another tree.
 *
 * @module
 */
import type { BytePath } from "../io/byte_path.ts";
import { listDirectory } from "../sys/directory.ts";
import * as files from "../sys/file.ts";
import { inodeKey, isDirectory, isSocket, S, tryStatAt } from "../sys/stat.ts";
import { applyMeta, copyEntry, type Target } from "./copy_entry.ts";
import type { Located } from "./metadata.ts";
import type { Metadata } from "./metadata_access.ts";
import { joinPath } from "./open_directories.ts";
import { reach } from "./reach.ts";
import { removeTree } from "./remove.ts";
import { copyRootMeta } from "./settle_layer.ts";

/** What to copy where. */
export interface CopyTreeRequest {
  readonly from: BytePath;
  /** An existing directory; empty unless `over` is set. */
  readonly to: BytePath;
  /**
   * The tree is laid over what is there: directories are merged and get the owner, mode, attributes and time of those
   * copied, other entries in the way are removed. The directory `to` itself stays as it is.
   */
  readonly over?: true;
}

/** Copies the tree. @throws {SysError} */
export function copyTree({ from, to, over }: CopyTreeRequest, metadata: Metadata): void {
  files.withDirectory(from, (source) =>
    files.withDirectory(to, (target) => {
      copyChildren(source, target, { root: target, path: "", links: new Map(), over: over ?? false, metadata });
      if (!over) copyRootMeta(from, target, metadata);
    }));
}

interface Place {
  /** Descriptor of the copy's root. */
  readonly root: number;
  readonly path: BytePath;
  /** Inodes with several names, to the path of their first copy. */
  readonly links: Map<string, BytePath>;
  /** Whether there may be something in the way. */
  readonly over: boolean;
  readonly metadata: Metadata;
}

function copyChildren(source: number, target: number, place: Place): void {
  for (const name of listDirectory(source)) {
    const stat = place.metadata.statAt(source, name);
    const path = joinPath(place.path, name);
    const located = { directory: source, name, stat };
    const to = { directory: target, name };
    const isMerged = place.over && !makeWay(to, isDirectory(stat), place.metadata);
    if (isDirectory(stat)) {
      if (!isMerged) files.makeDirectory(target, name, 0o700);
      files.withChild(
        source,
        name,
        (from) => files.withChild(target, name, (into) => copyChildren(from, into, { ...place, path })),
      );
      applyMeta(located, to, { ...stat, metadata: place.metadata });
      files.setTime(target, name, { sec: stat.mtimeSec, nsec: stat.mtimeNsec });
      continue;
    }
    const first = stat.nlink > 1 ? place.links.get(inodeKey(stat)) : undefined;
    if (first !== undefined) {
      reach(place.root, first, (directory, first) => files.makeLink({ directory, name: first }, to));
      continue;
    }
    if (isSocket(stat)) copySocket(located, to, place.metadata);
    else copyEntry(located, to, { ...stat, metadata: place.metadata });
    if (stat.nlink > 1) place.links.set(inodeKey(stat), path);
  }
}

/** COPY makes files of sockets; to the commands of a stage they stay what they are. */
function copySocket(source: Located, target: Target, metadata: Metadata): void {
  files.makeNode(target.directory, target.name, { mode: S.IFSOCK | 0o600, major: 0, minor: 0 });
  applyMeta(source, target, { ...source.stat, metadata });
  files.setTime(target.directory, target.name, { sec: source.stat.mtimeSec, nsec: source.stat.mtimeNsec });
}

/** Removes what is in the way; returns false if it is a directory that one is merged with. */
function makeWay(target: Target, forDirectory: boolean, metadata: Metadata): boolean {
  const { directory, name } = target;
  const existing = tryStatAt(directory, name);
  if (existing === undefined) return true;
  if (forDirectory && isDirectory(existing)) {
    metadata.dropXattrs(target);
    return false;
  }
  removeTree(directory, name);
  return true;
}
