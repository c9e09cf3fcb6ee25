/**
 * A record on disk of how a tree looked: what the chroot backend compares the tree with after a command.
 *
 * The file holds one block per directory: the number of children, one record per child in byte order, and then the
 * blocks of those children that are directories, in the same order. Reading and writing it in a walk takes memory for
 * one directory per level, however large the tree is.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import type { BytePath } from "../io/byte_path.ts";
import { AT_FDCWD, close, O, openAt, read, writeAll } from "../sys/file.ts";
import type { Stat } from "../sys/stat.ts";
import type { Xattrs } from "../sys/xattr.ts";

/** What the index keeps of an entry. */
export interface IndexedEntry {
  readonly name: BytePath;
  readonly stat: Stat;
  /** Target of a symlink, else "". */
  readonly linkTarget: BytePath;
  /** Byte string of a sha256 over the attributes, "" where there are none. */
  readonly xattrDigest: BytePath;
}

const FIXED_BYTES = 88;
const BUFFER_BYTES = 1 << 20;

/** Writes an index file, block by block. */
export class TreeIndexWriter {
  readonly #fd: number;
  readonly #buffer = new Uint8Array(BUFFER_BYTES);
  readonly #view = new DataView(this.#buffer.buffer);
  #used = 0;

  constructor(path: BytePath) {
    this.#fd = openAt(AT_FDCWD, path, O.WRONLY | O.CREAT | O.TRUNC, 0o600);
  }

  /** Writes one directory's children; the blocks of its directories must follow in their order. */
  block(children: readonly IndexedEntry[]): void {
    this.#reserve(4);
    this.#view.setUint32(this.#used, children.length, true);
    this.#used += 4;
    for (const child of children) this.#record(child);
  }

  /** Writes what is left and closes the file. */
  close(): void {
    try {
      this.#flush();
    } finally {
      close(this.#fd);
    }
  }

  #record(entry: IndexedEntry): void {
    const { stat } = entry;
    this.#reserve(FIXED_BYTES + entry.name.length + entry.linkTarget.length + entry.xattrDigest.length);
    const [view, at] = [this.#view, this.#used];
    view.setUint32(at, stat.mode, true);
    view.setUint32(at + 4, stat.uid, true);
    view.setUint32(at + 8, stat.gid, true);
    view.setUint32(at + 12, stat.nlink, true);
    view.setFloat64(at + 16, stat.size, true);
    view.setFloat64(at + 24, stat.mtimeSec, true);
    view.setFloat64(at + 32, stat.ctimeSec, true);
    view.setUint32(at + 40, stat.mtimeNsec, true);
    view.setUint32(at + 44, stat.ctimeNsec, true);
    view.setUint32(at + 48, stat.inoLow, true);
    view.setUint32(at + 52, stat.inoHigh, true);
    view.setUint32(at + 56, stat.devMajor, true);
    view.setUint32(at + 60, stat.devMinor, true);
    view.setUint32(at + 64, stat.rdevMajor, true);
    view.setUint32(at + 68, stat.rdevMinor, true);
    view.setUint32(at + 72, entry.name.length, true);
    view.setUint32(at + 76, entry.linkTarget.length, true);
    view.setUint32(at + 80, entry.xattrDigest.length, true);
    this.#used += FIXED_BYTES;
    for (const text of [entry.name, entry.linkTarget, entry.xattrDigest]) {
      for (let i = 0; i < text.length; i++) this.#buffer[this.#used++] = text.charCodeAt(i);
    }
  }

  #reserve(bytes: number): void {
    if (this.#used + bytes > BUFFER_BYTES) this.#flush();
  }

  #flush(): void {
    writeAll(this.#fd, this.#buffer.subarray(0, this.#used));
    this.#used = 0;
  }
}

/** Reads an index file, block by block, in the order it was written. */
export class TreeIndexReader {
  readonly #fd: number;
  readonly #buffer = new Uint8Array(BUFFER_BYTES);
  readonly #names = Buffer.from(this.#buffer.buffer);
  readonly #view = new DataView(this.#buffer.buffer);
  #at = 0;
  #end = 0;

  constructor(path: BytePath) {
    this.#fd = openAt(AT_FDCWD, path, O.RDONLY);
  }

  /** Returns the children of the next directory. */
  block(): IndexedEntry[] {
    this.#need(4);
    const count = this.#view.getUint32(this.#at, true);
    this.#at += 4;
    return Array.from({ length: count }, () => this.#record());
  }

  /** Passes over the blocks below directories that are of no interest. */
  skip(children: readonly IndexedEntry[]): void {
    for (const child of children) if ((child.stat.mode & 0o170000) === 0o040000) this.skip(this.block());
  }

  close(): void {
    close(this.#fd);
  }

  #record(): IndexedEntry {
    this.#need(FIXED_BYTES);
    const [view, at] = [this.#view, this.#at];
    const stat: Stat = {
      mode: view.getUint32(at, true),
      uid: view.getUint32(at + 4, true),
      gid: view.getUint32(at + 8, true),
      nlink: view.getUint32(at + 12, true),
      size: view.getFloat64(at + 16, true),
      mtimeSec: view.getFloat64(at + 24, true),
      ctimeSec: view.getFloat64(at + 32, true),
      mtimeNsec: view.getUint32(at + 40, true),
      ctimeNsec: view.getUint32(at + 44, true),
      inoLow: view.getUint32(at + 48, true),
      inoHigh: view.getUint32(at + 52, true),
      devMajor: view.getUint32(at + 56, true),
      devMinor: view.getUint32(at + 60, true),
      rdevMajor: view.getUint32(at + 64, true),
      rdevMinor: view.getUint32(at + 68, true),
    };
    const lengths = [72, 76, 80].map((offset) => view.getUint32(at + offset, true));
    this.#at += FIXED_BYTES;
    const [name = "", linkTarget = "", xattrDigest = ""] = lengths.map((length) => this.#text(length));
    return { name, stat, linkTarget, xattrDigest };
  }

  #text(length: number): BytePath {
    this.#need(length);
    const text = this.#names.toString("latin1", this.#at, this.#at + length);
    this.#at += length;
    return text;
  }

  #need(bytes: number): void {
    if (this.#end - this.#at >= bytes) return;
    this.#buffer.copyWithin(0, this.#at, this.#end);
    this.#end -= this.#at;
    this.#at = 0;
    while (this.#end < bytes) {
      const count = read(this.#fd, this.#buffer.subarray(this.#end));
      if (count === 0) throw new Error("Unreachable: the index of the tree is cut short");
      this.#end += count;
    }
  }
}

/** Returns what stands for a set of attributes in an index. */
export function xattrDigestOf(xattrs: Xattrs): BytePath {
  if (xattrs.size === 0) return "";
  const hash = createHash("sha256");
  for (const [key, value] of [...xattrs].sort(([a], [b]) => a < b ? -1 : 1)) {
    hash.update(`${key.length}:${key}:${value.length}:`).update(value);
  }
  return hash.digest("latin1");
}
