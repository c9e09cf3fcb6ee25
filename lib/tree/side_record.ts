/**
 * The side record: what of an entry's metadata the host did not let us write, kept for as long as the build takes.
 *
 * An entry leads to what is recorded of it in one of two ways. A file or directory carries a reference as an extended
 * attribute of its own: so it keeps its record when a command renames it, when overlayfs copies it up, and when a command
 * copies it with its attributes. Everything else, and files where the file system takes no attributes, are found by
 * inode number and time of birth, which survive a rename, and which no other file has.
 *
 * Nothing can be forged: the record is out of reach of commands, a reference names a row by its place and a random number,
 * and the attribute has a name that no image can know beforehand. Memory does not grow with the record: rows are read
 * by their place, and inodes are found through a sparse file with a slot for each.
 *
 * Several threads may write at a time. Each row is appended in one piece before anything refers to it.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import type { BytePath } from "../io/byte_path.ts";
import { SysError } from "../sys/errno.ts";
import * as files from "../sys/file.ts";
import { birthTimeAt, isDirectory, isFile, type Stat, statAt } from "../sys/stat.ts";
import { readXattr, removeXattr, setXattr } from "../sys/xattr.ts";
import { nextTick } from "./clock_tick.ts";
import { decodeRecorded, encodeRecorded, type Recorded } from "./recorded.ts";

/** An entry, by its directory's descriptor. */
export interface Place {
  readonly directory: number;
  readonly name: BytePath;
}

/** What leads to a value: the place of its row, and the random number in it. */
interface Reference {
  readonly at: bigint;
  readonly nonce: bigint;
}

/** Rows begin after it, so that none is at 0. */
const HEADER_BYTES = 32;
/** Random number, place and length of the text; eight bytes each. */
const VALUE_ROW_BYTES = 24;
/** Inode number, time of birth, place of the value's row, place of the row that was in the slot before. */
const INODE_ROW_BYTES = 32;
/** What an attribute holds: place and random number of a value's row. */
const REFERENCE_BYTES = 16;
/** Number of slots; inodes that share one are told apart in the rows it leads to. */
const SLOTS = 1n << 28n;
const SLOT_BYTES = 8;
/** No file of the record grows to this. */
const MOST_BYTES = 1n << 48n;
/** Values known at a time; whole trees have the same one. */
const MOST_KNOWN = 64;

/** Why a file may not carry a reference: its file system or the host does not allow it, or has no more room for it. */
const REFUSED = ["EOPNOTSUPP", "EPERM", "EACCES", "ENOSPC", "EDQUOT", "E2BIG", "ERANGE"] as const;

const FILES = ["values", "texts", "inodes", "slots"] as const;

/** Makes the record of a build in a directory of it, and returns where it is: what {@link SideRecord} takes. */
export function makeSideRecord(directory: BytePath): BytePath {
  const location = `${directory}/record-${crypto.randomUUID().replaceAll("-", "").slice(0, 16)}`;
  files.makeDirectory(files.AT_FDCWD, location, 0o700);
  for (const name of FILES) {
    const fd = files.openAt(files.AT_FDCWD, `${location}/${name}`, files.O.WRONLY | files.O.CREAT, 0o600);
    if (name !== "slots") files.writeAll(fd, new Uint8Array(HEADER_BYTES));
    files.close(fd);
  }
  return location;
}

/** Tells whether some entries are found by their inodes, so that copies of them are not. */
export function hasInodeRows(location: BytePath): boolean {
  return statAt(files.AT_FDCWD, `${location}/inodes`).size > HEADER_BYTES;
}

/** Waits until what is made from now on is younger than every inode that something is recorded of. */
export function outlastInodes(location: BytePath): void {
  if (hasInodeRows(location)) files.withDirectory(location, nextTick);
}

/** The record of a build, as one job uses it. */
export class SideRecord implements Disposable {
  /** What files and directories carry; nobody else's. */
  readonly attribute: string;
  readonly #fds: Readonly<Record<typeof FILES[number], number>>;
  #isEmpty: boolean;
  #hasInodes: boolean;
  readonly #known = new Map<bigint, { readonly nonce: bigint; readonly recorded: Recorded }>();
  /** The value written last: whole trees have the same. */
  #last: { readonly text: string; readonly reference: Reference } | undefined;

  /** @param location as `makeSideRecord` gave it. */
  constructor(location: BytePath) {
    this.attribute = `user.kiln.${location.slice(location.lastIndexOf("-") + 1)}`;
    const open = (name: typeof FILES[number]): number =>
      files.openAt(files.AT_FDCWD, `${location}/${name}`, files.O.RDWR | (name === "slots" ? 0 : files.O.APPEND));
    this.#fds = { values: open("values"), texts: open("texts"), inodes: open("inodes"), slots: open("slots") };
    const hasRows = (fd: number): boolean => files.readAt(fd, new Uint8Array(1), HEADER_BYTES) > 0;
    this.#isEmpty = !hasRows(this.#fds.values);
    this.#hasInodes = hasRows(this.#fds.inodes);
  }

  /** Whether nothing was recorded when this job began, nor by it. */
  get isEmpty(): boolean {
    return this.#isEmpty;
  }

  /** Whether something is found by inodes. */
  get hasInodes(): boolean {
    return this.#hasInodes;
  }

  /** Returns what is recorded of an entry. `stat` is what its file system says. */
  find(entry: Place, stat: Stat): Recorded | undefined {
    if (this.#isEmpty) return undefined;
    const carried = carriesAttributes(stat) ? readXattr(entry.directory, entry.name, this.attribute) : undefined;
    return this.findCarried(carried) ?? this.findInode(entry, stat);
  }

  /** Returns what the value of the attribute leads to. */
  findCarried(value: Uint8Array<ArrayBuffer> | undefined): Recorded | undefined {
    if (value === undefined || value.length !== REFERENCE_BYTES) return undefined;
    const [at = 0n, nonce = 0n] = new BigUint64Array(value.buffer);
    return this.#value({ at, nonce });
  }

  /** Returns what is recorded of an entry that does not carry a reference. */
  findInode(entry: Place, stat: Stat): Recorded | undefined {
    const value = this.#inodeRow(entry, stat);
    return value === undefined || value === 0n ? undefined : this.#value({ at: value });
  }

  /** Records something of an entry, in place of what was recorded of it before. */
  keep(entry: Place, stat: Stat, recorded: Recorded): void {
    const text = encodeRecorded(recorded);
    if (this.#last?.text !== text) this.#last = { text, reference: this.#append(text) };
    const { reference } = this.#last;
    this.#isEmpty = false;
    if (!carriesAttributes(stat) || !this.#carry(entry, reference)) this.#addInode(entry, stat, reference.at);
  }

  /** Forgets what is recorded of an entry. */
  forget(entry: Place, stat: Stat): void {
    if (this.#isEmpty) return;
    if (carriesAttributes(stat) && readXattr(entry.directory, entry.name, this.attribute) !== undefined) {
      removeXattr(entry.directory, entry.name, this.attribute);
    }
    if (this.#inodeRow(entry, stat) !== undefined) this.#addInode(entry, stat, 0n);
  }

  [Symbol.dispose](): void {
    Object.values(this.#fds).forEach(files.close);
  }

  #carry(entry: Place, { at, nonce }: Reference): boolean {
    try {
      setXattr(entry.directory, entry.name, { key: this.attribute, value: words(at, nonce) });
      return true;
    } catch (error) {
      if (error instanceof SysError && error.is(...REFUSED)) return false;
      throw error;
    }
  }

  #append(text: string): Reference {
    const nonce = crypto.getRandomValues(new BigUint64Array(1))[0] ?? 0n;
    const textAt = appendRow(this.#fds.texts, new Uint8Array(Buffer.from(text, "latin1")));
    return { at: appendRow(this.#fds.values, words(nonce, textAt, BigInt(text.length))), nonce };
  }

  /** Returns a value, if its row has that random number; without one the place is known to be a row's. */
  #value({ at, nonce }: { readonly at: bigint; readonly nonce?: bigint }): Recorded | undefined {
    const known = this.#known.get(at) ?? this.#read(at);
    return known === undefined || (nonce !== undefined && nonce !== known.nonce) ? undefined : known.recorded;
  }

  #read(at: bigint): { readonly nonce: bigint; readonly recorded: Recorded } | undefined {
    // A command may have written an attribute of this name itself: only rows are read, whatever it says.
    const isRow = at >= HEADER_BYTES && at < MOST_BYTES && (at - BigInt(HEADER_BYTES)) % BigInt(VALUE_ROW_BYTES) === 0n;
    if (!isRow) return undefined;
    const [nonce, textAt, length] = readWords(this.#fds.values, at, VALUE_ROW_BYTES) ?? [];
    if (nonce === undefined || textAt === undefined || length === undefined) return undefined;
    const text = new Uint8Array(Number(length));
    readFully(this.#fds.texts, textAt, text);
    const known = { nonce, recorded: decodeRecorded(Buffer.from(text.buffer).toString("latin1")) };
    if (this.#known.size >= MOST_KNOWN) this.#known.clear();
    this.#known.set(at, known);
    return known;
  }

  /** Returns the place of the value that is recorded for an inode; 0 if it was forgotten. */
  #inodeRow(entry: Place, stat: Stat): bigint | undefined {
    if (!this.#hasInodes) return undefined;
    const [first = 0n] = readWords(this.#fds.slots, slotOf(stat), SLOT_BYTES) ?? [];
    if (first === 0n) return undefined;
    const [inode, birth] = identityOf(entry, stat);
    for (let at = first; at !== 0n;) {
      const [itsInode, itsBirth, value, before] = readWords(this.#fds.inodes, at, INODE_ROW_BYTES) ?? [];
      if (itsInode === inode && itsBirth === birth) return value;
      at = before ?? 0n;
    }
    return undefined;
  }

  #addInode(entry: Place, stat: Stat, value: bigint): void {
    this.#hasInodes = true;
    const slot = slotOf(stat);
    const { inodes, slots } = this.#fds;
    while (!files.tryLock(inodes, "exclusive")) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    try {
      const [before = 0n] = readWords(slots, slot, SLOT_BYTES) ?? [];
      const at = appendRow(inodes, words(...identityOf(entry, stat), value, before));
      files.writeAt(slots, words(at), Number(slot));
    } finally {
      files.unlock(inodes);
    }
  }
}

function carriesAttributes(stat: Stat): boolean {
  return isFile(stat) || isDirectory(stat);
}

/** What no other inode has, whenever it lives: numbers are used again, but not at the same time. */
function identityOf({ directory, name }: Place, stat: Stat): readonly [inode: bigint, birth: bigint] {
  return [inodeOf(stat), BigInt.asUintN(64, birthTimeAt(directory, name) ?? 0n)];
}

function inodeOf({ inoHigh, inoLow }: Stat): bigint {
  return BigInt(inoHigh) << 32n | BigInt(inoLow);
}

function slotOf(stat: Stat): bigint {
  return inodeOf(stat) % SLOTS * BigInt(SLOT_BYTES);
}

function words(...values: readonly bigint[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new BigUint64Array(values).buffer);
}

/** Returns the words at a place, or undefined beyond the end of the file. */
function readWords(fd: number, at: bigint, count: number): BigUint64Array | undefined {
  const bytes = new Uint8Array(count);
  return files.readAt(fd, bytes, Number(at)) === count ? new BigUint64Array(bytes.buffer) : undefined;
}

function readFully(fd: number, at: bigint, bytes: Uint8Array<ArrayBuffer>): void {
  for (let done = 0; done < bytes.length;) {
    const count = files.readAt(fd, bytes.subarray(done), Number(at) + done);
    if (count === 0) throw new Error("Unreachable: the side record is cut short");
    done += count;
  }
}

/** Appends in one piece, and returns where. */
function appendRow(fd: number, bytes: Uint8Array<ArrayBuffer>): bigint {
  files.writeAll(fd, bytes);
  return BigInt(files.positionOf(fd) - bytes.length);
}
