/**
 * What makes two entries equal, and an entry's header in a layer.
 *
 * The rule (decisions 3): type, mode, ids, size, content, link target, device, xattrs and mtime; not ctime, inode
 * number or link count.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import type { BytePath } from "../io/byte_path.ts";
import { close, O, openAt, read, readLink } from "../sys/file.ts";
import { isDirectory, S, type Stat } from "../sys/stat.ts";
import type { Xattrs } from "../sys/xattr.ts";
import type { EntryType, TarEntry } from "../tar/entry.ts";
import type { Metadata } from "./metadata_access.ts";

/** An entry, named by its directory's descriptor. */
export interface Located {
  readonly directory: number;
  readonly name: BytePath;
  /** As it is meant (`Metadata`). */
  readonly stat: Stat;
}

/** Tells whether two entries differ in anything a layer records. Content is read only if all else is equal. */
export function differs(a: Located, b: Located, metadata: Metadata): boolean {
  return statusDiffers(a.stat, b.stat) || contentDiffers(a, b) ||
    xattrsDiffer(metadata.xattrsAt(a.directory, a.name), metadata.xattrsAt(b.directory, b.name));
}

/** Compares what statx tells. A directory's size means nothing. */
export function statusDiffers(a: Stat, b: Stat): boolean {
  if (a.mode !== b.mode || a.uid !== b.uid || a.gid !== b.gid) return true;
  if (a.mtimeSec !== b.mtimeSec || a.mtimeNsec !== b.mtimeNsec) return true;
  if (a.rdevMajor !== b.rdevMajor || a.rdevMinor !== b.rdevMinor) return true;
  return !isDirectory(a) && a.size !== b.size;
}

/** Returns an entry's tar header. `path` has no leading slash; `linkTo` makes it a hard link. */
export function headerOf(located: Located, path: BytePath, options: HeaderOptions): TarEntry {
  const { directory, name, stat } = located;
  const type: EntryType = options.linkTo === undefined ? typeOf(stat) : "hardlink";
  const xattrs = type === "hardlink" ? undefined : xattrsOf(located, options);
  return {
    name: type === "dir" ? `${path}/` : path,
    type,
    mode: stat.mode & 0o7777,
    uid: stat.uid,
    gid: stat.gid,
    size: type === "file" ? stat.size : 0,
    mtimeNs: clamped(stat, options.latestSec),
    linkName: options.linkTo ?? (type === "symlink" ? readLink(directory, name) : ""),
    devMajor: type === "char" || type === "block" ? stat.rdevMajor : 0,
    devMinor: type === "char" || type === "block" ? stat.rdevMinor : 0,
    ...(xattrs === undefined || xattrs.size === 0 ? {} : { xattrs }),
  };
}

function xattrsOf({ directory, name }: Located, { metadata, onlyUserXattrs }: HeaderOptions): Xattrs {
  const all = metadata.xattrsAt(directory, name);
  if (!onlyUserXattrs || all.size === 0) return all;
  return new Map([...all].filter(([key]) => key.startsWith("user.")));
}

/** How to make a header. */
export interface HeaderOptions {
  readonly metadata: Metadata;
  readonly onlyUserXattrs?: true;
  /** Path of the entry this one is a hard link to. */
  readonly linkTo?: BytePath;
  /** SOURCE_DATE_EPOCH: later times are written as this one. Seconds since the epoch. */
  readonly latestSec?: number;
}

function clamped(stat: Stat, latestSec: number | undefined): bigint {
  const time = BigInt(stat.mtimeSec) * 1_000_000_000n + BigInt(stat.mtimeNsec);
  if (latestSec === undefined) return time;
  const latest = BigInt(latestSec) * 1_000_000_000n;
  return time > latest ? latest : time;
}

function typeOf(stat: Stat): EntryType {
  switch (stat.mode & S.IFMT) {
    case S.IFREG:
      return "file";
    case S.IFDIR:
      return "dir";
    case S.IFLNK:
      return "symlink";
    case S.IFCHR:
      return "char";
    case S.IFBLK:
      return "block";
    case S.IFIFO:
      return "fifo";
  }
  throw new Error("Unreachable: sockets are never archived");
}

function xattrsDiffer(a: Xattrs, b: Xattrs): boolean {
  if (a.size !== b.size) return true;
  for (const [key, value] of a) {
    const other = b.get(key);
    if (other === undefined || !equalBytes(value, other)) return true;
  }
  return false;
}

function contentDiffers(a: Located, b: Located): boolean {
  switch (a.stat.mode & S.IFMT) {
    case S.IFLNK:
      return readLink(a.directory, a.name) !== readLink(b.directory, b.name);
    case S.IFREG:
      return a.stat.size > 0 && bytesDiffer(a, b);
  }
  return false;
}

function bytesDiffer(a: Located, b: Located): boolean {
  const flags = O.RDONLY | O.NOFOLLOW;
  const fdA = openAt(a.directory, a.name, flags);
  try {
    const fdB = openAt(b.directory, b.name, flags);
    try {
      return streamsDiffer(fdA, fdB);
    } finally {
      close(fdB);
    }
  } finally {
    close(fdA);
  }
}

const bufferA = new Uint8Array(262_144);
const bufferB = new Uint8Array(262_144);

function streamsDiffer(a: number, b: number): boolean {
  for (;;) {
    const countA = fill(a, bufferA);
    const countB = fill(b, bufferB);
    if (countA !== countB || !equalBytes(bufferA.subarray(0, countA), bufferB.subarray(0, countB))) return true;
    if (countA === 0) return false;
  }
}

/** Reads until the buffer is full or the file ends. */
function fill(fd: number, buffer: Uint8Array<ArrayBuffer>): number {
  let done = 0;
  while (done < buffer.length) {
    const count = read(fd, buffer.subarray(done));
    if (count === 0) break;
    done += count;
  }
  return done;
}

function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && Buffer.compare(a, b) === 0;
}
