/**
 * Carrying records over to what overlayfs copied up.
 *
 * What carries its reference as an attribute needs no help: overlayfs copies attributes. What is found by its inode is
 * another inode once it is copied up: a symlink that got another name or time, a FIFO, a file on a file system without attributes.
 * Where such an entry is still what lies below at its path, it gets the record of that.
 *
 * @module
 */
import type { BytePath } from "../io/byte_path.ts";
import { listDirectory } from "../sys/directory.ts";
import * as files from "../sys/file.ts";
import { isDirectory, isSymlink, S, type Stat, statAt } from "../sys/stat.ts";
import { LayerDirectory } from "./layer_directory.ts";
import type { Located } from "./metadata.ts";
import type { Metadata } from "./metadata_access.ts";
import { isCopiedUp, isWhiteout } from "./overlay_marks.ts";

/** The directories of an overlay that is not mounted any more. */
export interface AdoptRequest {
  readonly upper: BytePath;
  /** The layers below, lowest first. */
  readonly below: readonly BytePath[];
}

/** Gives the entries of the upper directory the records they lost. */
export function adoptRecords({ upper, below }: AdoptRequest, metadata: Metadata): void {
  using lower = LayerDirectory.open(below, { metadata });
  if (lower === undefined) return;
  files.withDirectory(upper, (fd) => adoptIn(fd, lower, metadata));
}

function adoptIn(directory: number, lower: LayerDirectory, metadata: Metadata): void {
  for (const name of listDirectory(directory)) {
    const stat = statAt(directory, name);
    if (isDirectory(stat)) {
      using below = lower.enter(name);
      if (below !== undefined) files.withChild(directory, name, (fd) => adoptIn(fd, below, metadata));
    } else if (!isWhiteout(stat)) {
      const below = lower.lookup(name);
      if (below !== undefined && isTheSame({ directory, name, stat }, below)) {
        metadata.adopt({ directory, name }, below);
      }
    }
  }
}

/** Whether the one is a copy of the other, as far as can be told. */
function isTheSame(upper: Located, below: Located): boolean {
  const onDisk = statAt(below.directory, below.name);
  if ((upper.stat.mode & S.IFMT) !== (onDisk.mode & S.IFMT)) return false;
  if (!isSymlink(upper.stat)) return isCopiedUp(upper.directory, upper.name) || hasTimeOf(upper.stat, onDisk);
  // overlayfs can leave no mark on a symlink; one that a command made has a time of its own.
  return hasTimeOf(upper.stat, onDisk) &&
    files.readLink(upper.directory, upper.name) === files.readLink(below.directory, below.name);
}

function hasTimeOf(a: Stat, b: Stat): boolean {
  return a.mtimeSec === b.mtimeSec && a.mtimeNsec === b.mtimeNsec;
}
