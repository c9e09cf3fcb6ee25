/**
 * What the side record keeps of an entry, and what it makes of the entry's status.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { isFile, S, type Stat } from "../sys/stat.ts";
import type { Xattrs } from "../sys/xattr.ts";

/** User and group. */
export interface Ids {
  readonly uid: number;
  readonly gid: number;
}

/** What is meant, and what the file system has in its place: when it has something else, a command decided so. */
export interface Instead<T> {
  readonly meant: T;
  readonly onDisk: T;
}

/** A device node in whose place there is an empty file. */
export interface Device {
  /** `S.IFCHR` or `S.IFBLK`. */
  readonly type: number;
  readonly major: number;
  readonly minor: number;
}

/** What could not be written. */
export interface Recorded {
  readonly owner?: Instead<Ids>;
  /** Permission bits. */
  readonly mode?: Instead<number>;
  readonly device?: Device;
  readonly xattrs?: Xattrs;
}

/** Returns the status as it is meant. */
export function asMeant(stat: Stat, { owner, mode, device }: Recorded): Stat {
  const isOwnerLeft = owner !== undefined && owner.onDisk.uid === stat.uid && owner.onDisk.gid === stat.gid;
  const bits = mode !== undefined && mode.onDisk === (stat.mode & 0o7777) ? mode.meant : stat.mode & 0o7777;
  const isDevice = device !== undefined && isFile(stat);
  return {
    ...stat,
    ...isOwnerLeft ? owner.meant : {},
    mode: (isDevice ? device.type : stat.mode & S.IFMT) | bits,
    ...isDevice ? { size: 0, rdevMajor: device.major, rdevMinor: device.minor } : {},
  };
}

/** What the record's files hold; attribute values are byte strings. */
interface Text extends Omit<Recorded, "xattrs"> {
  readonly xattrs?: readonly (readonly [key: string, value: string])[];
}

/** Returns the same text for the same content. Every character is a byte. */
export function encodeRecorded({ owner, mode, device, xattrs }: Recorded): string {
  const sorted = [...xattrs ?? []].sort(([a], [b]) => a < b ? -1 : 1);
  const text: Text = {
    ...owner === undefined ? {} : { owner },
    ...mode === undefined ? {} : { mode },
    ...device === undefined ? {} : { device },
    ...sorted.length === 0
      ? {}
      : { xattrs: sorted.map(([key, value]) => [key, Buffer.from(value).toString("latin1")]) },
  };
  return JSON.stringify(text);
}

/** Reads it back. */
export function decodeRecorded(encoded: string): Recorded {
  const { xattrs, ...rest }: Text = JSON.parse(encoded);
  if (xattrs === undefined) return rest;
  return {
    ...rest,
    xattrs: new Map(xattrs.map(([key, value]) => [key, Uint8Array.from(Buffer.from(value, "latin1"))])),
  };
}
