/**
 * Copying one entry with everything that belongs to it: content, owner, mode, attributes, times.
 *
 * @module
 */
import { KilnError } from "../errors.ts";
import { type BytePath, displayPath } from "../io/byte_path.ts";
import { SysError } from "../sys/errno.ts";
import * as files from "../sys/file.ts";
import { isDirectory, isFile, isSymlink, S, type Stat, statOf, tryStatAt } from "../sys/stat.ts";
import type { Located } from "./metadata.ts";
import type { Metadata, WantedMetadata } from "./metadata_access.ts";
import type { Device } from "./recorded.ts";

/** Where a copy goes: a name in an open directory. */
export interface Target {
  readonly directory: number;
  readonly name: BytePath;
}

/** What the copy gets instead of what the source has. */
export interface CopyMeta {
  readonly uid: number;
  readonly gid: number;
  /** Permission bits; a type counts for nothing. */
  readonly mode: number;
}

/** Reads the source and writes the copy. */
export interface CopyMeans extends CopyMeta {
  readonly metadata: Metadata;
}

/** The source cannot be opened; whoever knows its path can name it. */
export class UnreadableSource extends SysError {}

/** Largest piece one sendfile call is asked for. */
const PIECE_BYTES = 1 << 30;

/** Smaller files are copied sooner than asked for their holes. */
const LEAST_WITH_HOLES = 1 << 16;

/**
 * Copies an entry that is not a directory. A directory in the way is an error, anything else is replaced, never
 * written through.
 *
 * @throws {KilnError} if the source changes while it is read; {SysError} EISDIR if a directory is in the way.
 */
export function copyEntry(source: Located, target: Target, means: CopyMeans): void {
  const { stat } = source;
  if (isFile(stat)) return copyFile(source, target, means);
  let missing: Device | undefined;
  if (isSymlink(stat)) {
    const link = files.readLink(source.directory, source.name);
    makeInstead(target, () => files.makeSymlink(link, target.directory, target.name));
  } else {
    // A socket means nothing without its process: BuildKit sends it as an empty file.
    const type = (stat.mode & S.IFMT) === S.IFSOCK ? S.IFREG : stat.mode & S.IFMT;
    const how = { mode: type | 0o600, major: stat.rdevMajor, minor: stat.rdevMinor };
    makeInstead(target, () => missing = means.metadata.makeNode(target, how));
  }
  applyMeta(source, target, { ...means, missing, made: { isOurs: false } });
  files.setTime(target.directory, target.name, { sec: stat.mtimeSec, nsec: stat.mtimeNsec });
}

/** Gives an existing entry owner, mode and attributes; not its times. */
export function applyMeta(
  source: Located,
  target: Target,
  { uid, gid, mode, metadata, ...how }: CopyMeans & Pick<WantedMetadata, "missing" | "made">,
): void {
  metadata.apply(target, {
    mode: source.stat.mode & S.IFMT | mode & 0o7777,
    owner: { uid, gid },
    xattrs: metadata.xattrsAt(source.directory, source.name),
    ...how,
  });
}

function copyFile(source: Located, target: Target, means: CopyMeans): void {
  const from = openSource(source);
  try {
    const before = statOf(from);
    const flags = files.O.WRONLY | files.O.CREAT | files.O.EXCL | files.O.NOFOLLOW;
    let to = -1;
    const mode = means.mode & 0o755;
    makeInstead(target, () => to = files.openAt(target.directory, target.name, flags, mode));
    try {
      const copied = copyContent(from, to, before);
      checkUnchanged(source, before, statOf(from), copied);
      applyMeta(source, target, { ...means, made: { mode, isOurs: false } });
      files.setTimeOf(to, { sec: before.mtimeSec, nsec: before.mtimeNsec });
    } finally {
      files.close(to);
    }
  } finally {
    files.close(from);
  }
}

function openSource({ directory, name }: Located): number {
  try {
    return files.openAt(directory, name, files.O.RDONLY | files.O.NOFOLLOW | files.O.NONBLOCK);
  } catch (error) {
    throw error instanceof SysError ? new UnreadableSource(error.call, error.errno, error.subject) : error;
  }
}

/** Copies the data; holes stay holes, which take neither room nor time. Returns how far it came. */
function copyContent(from: number, to: number, { size }: Stat): number {
  if (size < LEAST_WITH_HOLES) return copyData(from, to, { begin: 0, end: size });
  for (let at = 0; at < size;) {
    const begin = files.dataFrom(from, at);
    if (begin === undefined) break;
    const end = Math.min(files.holeFrom(from, begin), size);
    files.setPosition(from, begin);
    files.setPosition(to, begin);
    at = copyData(from, to, { begin, end });
    if (at < end) return at;
  }
  files.setSize(to, size);
  return size;
}

/** Copies from where both files stand on; returns how far it came. */
function copyData(from: number, to: number, { begin, end }: { readonly begin: number; readonly end: number }): number {
  let at = begin;
  while (at < end) {
    const count = files.sendFile(to, from, Math.min(end - at, PIECE_BYTES));
    if (count === 0) break;
    at += count;
  }
  return at;
}

/** A file that is written to while it is read would give an image that never existed anywhere (fault F35). */
function checkUnchanged(source: Located, before: Stat, after: Stat, copied: number): void {
  const same = copied === before.size && after.size === before.size && after.mtimeSec === before.mtimeSec &&
    after.mtimeNsec === before.mtimeNsec;
  if (same) return;
  throw new KilnError("context", `Cannot copy "${displayPath(source.name)}": it changed while it was read`, {
    hint: "something else writes to the build context; build from a copy of it",
  });
}

function makeInstead(target: Target, make: () => void): void {
  try {
    make();
  } catch (error) {
    if (!(error instanceof SysError && error.is("EEXIST"))) throw error;
    const existing = tryStatAt(target.directory, target.name);
    if (existing !== undefined && isDirectory(existing)) throw new SysError("replace", 21, target.name);
    files.unlinkAt(target.directory, target.name);
    make();
  }
}
