/**
 * Writes PAX extended headers: only what does not fit the ustar header, sorted, always the same bytes.
 *
 * Names that are not UTF-8 are marked with `hdrcharset=BINARY`, as POSIX has it. Measured: without the mark bsdtar
 * fails on them, with it GNU tar prints a warning; both, Go and Python then restore the bytes. Shorter names, UTF-8 or
 * not, stand in the ustar header as they are, which all four take without remark.
 *
 * @module
 */
import { KilnError } from "../errors.ts";
import { bytePathFrom, displayPath, textOf } from "../io/byte_path.ts";
import { DEFAULT_TAR_LIMITS } from "./limits.ts";
import { Malformed } from "./malformed.ts";
import { CHARSET_BINARY, checkXattrName, XATTR_PREFIX } from "./pax.ts";

/** What does not fit the header of an entry; names and link targets are byte strings. */
export interface PaxOverrides {
  readonly path: string | undefined;
  readonly linkPath: string | undefined;
  readonly size: number | undefined;
  readonly uid: number | undefined;
  readonly gid: number | undefined;
  readonly mtimeNs: bigint | undefined;
  readonly xattrs: ReadonlyMap<string, Uint8Array> | undefined;
}

const NANOSECONDS = 1_000_000_000n;

/**
 * Returns the body of the extended header of the entry `name`, or undefined if everything fits without one. A byte
 * string: making a typed array of it would cost more than all the rest (1.6 us).
 *
 * @throws {KilnError} integrity for attributes that no reader would take back: a name with "=" in it, which ends the
 * name for all of them but GNU tar, more than 64 KiB in one value, more than 1 MiB in all (the limit of Go).
 */
export function formatPax(name: string, overrides: PaxOverrides): string | undefined {
  if (fitsHeader(overrides)) return undefined;
  const { path, linkPath, size, uid, gid, mtimeNs, xattrs } = overrides;
  // in the order of their keys
  let records = xattrs === undefined ? "" : formatXattrs(name, xattrs);
  if (gid !== undefined) records += record("gid", String(gid));
  if (isBinary(path) || isBinary(linkPath)) records += record("hdrcharset", CHARSET_BINARY);
  if (linkPath !== undefined) records += record("linkpath", linkPath);
  if (mtimeNs !== undefined) records += record("mtime", formatPaxTime(mtimeNs));
  if (path !== undefined) records += record("path", path);
  if (size !== undefined) records += record("size", String(size));
  if (uid !== undefined) records += record("uid", String(uid));
  if (records.length > DEFAULT_TAR_LIMITS.maxExtensionBytes) {
    const found = `its names and attributes need a header of ${records.length} bytes, more than readers accept`;
    throw cannotWrite(name, found);
  }
  return records;
}

function fitsHeader({ path, linkPath, size, uid, gid, mtimeNs, xattrs }: PaxOverrides): boolean {
  return mtimeNs === undefined && path === undefined && linkPath === undefined && uid === undefined &&
    gid === undefined && size === undefined && (xattrs === undefined || xattrs.size === 0);
}

function isBinary(name: string | undefined): boolean {
  return name !== undefined && textOf(name) === undefined;
}

/** Returns a record as a byte string: `LENGTH KEY=VALUE\n`, where the length counts its own digits. */
function record(key: string, value: string): string {
  const rest = key.length + value.length + 3;
  const length = rest + String(rest).length;
  return `${rest + String(length).length} ${key}=${value}\n`;
}

function formatXattrs(name: string, xattrs: ReadonlyMap<string, Uint8Array>): string {
  const sorted = [...xattrs].sort(([left], [right]) => left < right ? -1 : 1);
  return sorted.map(([key, value]) => {
    checkXattr(name, { key, value });
    return record(XATTR_PREFIX + key, bytePathFrom(value));
  }).join("");
}

function checkXattr(name: string, { key, value }: { readonly key: string; readonly value: Uint8Array }): void {
  try {
    checkXattrName(key);
  } catch (error) {
    throw error instanceof Malformed ? cannotWrite(name, error.message) : error;
  }
  if (/[=\0]/.test(key)) throw cannotWrite(name, `the name of its attribute "${displayPath(key)}" holds "=" or NUL`);
  const most = DEFAULT_TAR_LIMITS.maxXattrBytes;
  if (value.length > most) {
    throw cannotWrite(name, `its attribute "${displayPath(key)}" has ${value.length} bytes, more than ${most}`);
  }
}

/** Writes seconds with as many decimals as needed: `1.5`, `-0.000000001`. */
function formatPaxTime(mtimeNs: bigint): string {
  const sign = mtimeNs < 0n ? "-" : "";
  const absolute = mtimeNs < 0n ? -mtimeNs : mtimeNs;
  const seconds = absolute / NANOSECONDS;
  let fraction = Number(absolute - seconds * NANOSECONDS);
  if (fraction === 0) return `${sign}${seconds}`;
  let digits = 9;
  for (; fraction % 10 === 0; digits--) fraction /= 10;
  return `${sign}${seconds}.${String(fraction).padStart(digits, "0")}`;
}

function cannotWrite(name: string, found: string): KilnError {
  return new KilnError("integrity", `Cannot write "${displayPath(name)}" to a tar archive: ${found}`);
}
