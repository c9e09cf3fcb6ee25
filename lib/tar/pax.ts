/**
 * PAX extended headers: records of `LENGTH KEY=VALUE\n`, read and written as bytes.
 *
 * Keys and values are bytes; what they mean is what GNU tar 1.34, libarchive 3.6, Go 1.26 and Python 3.11 agree on.
 * Records that change an entry and that any of them reads differently are refused (pains-and-security.md S23):
 * a key given twice, an empty value (Go falls back to the header, the others take it as empty), records that do not
 * parse (Python and libarchive skip the rest, Go and GNU tar fail).
 *
 * Not read: `atime`, `ctime`, `uname`, `gname`, `comment` and vendor keys that no container tool restores, and
 * `LIBARCHIVE.xattr.*`, because libarchive always writes the same attribute as `SCHILY.xattr.*` beside it and nothing
 * else reads it.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { displayPath } from "../io/byte_path.ts";
import type { TarLimits } from "./limits.ts";
import { Malformed } from "./malformed.ts";

/** What an extended header changes in the entry that follows. */
export interface PaxHeader {
  path?: string;
  linkPath?: string;
  size?: number;
  uid?: number;
  gid?: number;
  mtimeNs?: bigint;
  /** Names are byte strings, values copies. */
  xattrs?: Map<string, Uint8Array<ArrayBuffer>>;
  sparse?: PaxSparse;
}

/** The `GNU.sparse.*` records as written; `sparse_map.ts` gives them meaning. */
export interface PaxSparse {
  major?: string;
  minor?: string;
  name?: string;
  size?: string;
  realSize?: string;
  blockCount?: string;
  map?: string;
  /** Format 0.0: offsets and lengths in turn, each from a record of its own. */
  readonly pairs: string[];
}

/** The prefix of records that hold extended attributes, as star introduced it and all container tools use it. */
export const XATTR_PREFIX = "SCHILY.xattr.";
/** The value of `hdrcharset` that says names are bytes in no known encoding. */
export const CHARSET_BINARY = "BINARY";
const CHARSET_UTF8 = "ISO-IR 10646 2000 UTF-8";
/** XATTR_NAME_MAX of Linux. */
const MAX_XATTR_NAME = 255;
/** GNU tar writes `=` and `%` in attribute names as these and reads them back; Go takes them literally. */
const GNU_ESCAPE = /%3D|%25/;

/** Reads the body of an `x` header. @throws {Malformed} saying which record is wrong and how. */
export function parsePax(body: Uint8Array, limits: TarLimits): PaxHeader {
  const header: PaxHeader = {};
  const seen = new Set<string>();
  for (const record of paxRecords(body)) {
    applyRecord(record, { header, seen, limits });
  }
  return header;
}

/**
 * Checks the body of a `g` header, which may hold nothing but remarks, such as the commit `git archive` puts there.
 *
 * Anything that would change entries is refused: GNU tar and Python apply it to every entry that follows, Go and
 * libarchive 3.6 to none.
 *
 * @throws {Malformed}
 */
export function checkGlobalPax(body: Uint8Array): void {
  for (const { key } of paxRecords(body)) {
    if (key.startsWith(XATTR_PREFIX) || key.startsWith("GNU.") || CHANGES_ENTRY.has(key)) {
      throw new Malformed(`a global header sets "${printable(key)}", which only some tar readers apply`);
    }
  }
}

const CHANGES_ENTRY: ReadonlySet<string> = new Set([
  "path",
  "linkpath",
  "size",
  "uid",
  "gid",
  "mtime",
  "hdrcharset",
  "SCHILY.realsize",
]);

interface PaxRecord {
  /** Byte string. */
  readonly key: string;
  /** The value as a byte string; a slice that keeps the whole header in memory. */
  readonly text: string;
  /** The value as a view. */
  readonly value: Buffer;
}

function* paxRecords(body: Uint8Array): Generator<PaxRecord> {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const text = bytes.toString("latin1");
  for (let start = 0; start < text.length;) {
    const { end, at } = recordEnd(text, start);
    const equals = text.indexOf("=", at);
    if (equals === -1 || equals >= end) throw new Malformed('a record of its extended header has no "="');
    const key = text.slice(at, equals);
    if (key === "" || key.includes("\0")) throw new Malformed("a record of its extended header has no valid key");
    yield { key, text: text.slice(equals + 1, end - 1), value: bytes.subarray(equals + 1, end - 1) };
    start = end;
  }
}

/** Returns where the record at `start` ends (its newline included) and where its key begins. */
function recordEnd(text: string, start: number): { end: number; at: number } {
  let length = 0;
  let at = start;
  for (; at < text.length; at++) {
    const digit = text.charCodeAt(at) - 0x30;
    if (digit < 0 || digit > 9) break;
    length = length * 10 + digit;
    // beyond the header: stops before the sum loses digits
    if (length > text.length) throw new Malformed("the length of a record of its extended header is wrong");
  }
  const end = start + length;
  if (at === start || text[at] !== " ") throw new Malformed("a record of its extended header has no valid length");
  if (end > text.length || end <= at + 1 || text[end - 1] !== "\n") {
    throw new Malformed("the length of a record of its extended header is wrong");
  }
  return { end, at: at + 1 };
}

interface ParseState {
  readonly header: PaxHeader;
  readonly seen: Set<string>;
  readonly limits: TarLimits;
}

function applyRecord(record: PaxRecord, state: ParseState): void {
  const { key, value } = record;
  const { header, limits } = state;
  switch (key) {
    case "path":
      header.path = parseName(once(record, state), limits);
      break;
    case "linkpath":
      header.linkPath = parseName(once(record, state), limits);
      break;
    case "size":
      header.size = parseDecimal(once(record, state).text, "size");
      break;
    case "uid":
      header.uid = parseDecimal(once(record, state).text, "uid");
      break;
    case "gid":
      header.gid = parseDecimal(once(record, state).text, "gid");
      break;
    case "mtime":
      header.mtimeNs = parsePaxTime(once(record, state).text);
      break;
    case "hdrcharset":
      checkCharset(once(record, state).text);
      break;
    case "SCHILY.realsize":
      throw new Malformed("it is a sparse file as star writes them, which only some tar readers expand");
    default:
      if (key.startsWith(XATTR_PREFIX)) addXattr(key.slice(XATTR_PREFIX.length), value, state);
      else if (key.startsWith("GNU.")) applyGnuRecord(record, state);
  }
}

function once(record: PaxRecord, state: ParseState): PaxRecord {
  if (state.seen.has(record.key)) throw new Malformed(`its extended header sets "${printable(record.key)}" twice`);
  if (record.value.length === 0) throw new Malformed(`its extended header sets "${printable(record.key)}" to nothing`);
  state.seen.add(record.key);
  return record;
}

function parseName(record: PaxRecord, limits: TarLimits): string {
  if (record.value.length > limits.maxNameBytes) {
    throw new Malformed(`its ${record.key} has ${record.value.length} bytes, more than ${limits.maxNameBytes}`);
  }
  if (record.text.includes("\0")) throw new Malformed(`its ${record.key} holds a NUL byte`);
  // a copy: names live long
  return record.value.toString("latin1");
}

/** Reads a decimal number of PAX. @throws {Malformed} */
export function parseDecimal(text: string, what: string): number {
  const value = /^[0-9]{1,20}$/.test(text) ? Number(text) : NaN;
  if (!Number.isSafeInteger(value)) {
    throw new Malformed(`the ${what} in its extended header is not a number up to 2^53`);
  }
  return value;
}

/**
 * Returns nanoseconds since the epoch; digits beyond nanoseconds are dropped. -1.5 is half a second before -1, as for
 * GNU tar, Go and Python; libarchive 3.6 takes it for half a second after (and writes it so), which is not POSIX.
 *
 * @throws {Malformed}
 */
export function parsePaxTime(text: string): bigint {
  const parts = /^(-?)([0-9]{1,16})(?:\.([0-9]*))?$/.exec(text);
  const seconds = Number(parts?.[2]);
  if (parts === null || !Number.isSafeInteger(seconds)) {
    throw new Malformed("the modification time in its extended header is not a number of seconds");
  }
  const fraction = Number((parts[3] ?? "").slice(0, 9).padEnd(9, "0"));
  const nanoseconds = BigInt(seconds) * 1_000_000_000n + BigInt(fraction);
  return parts[1] === "-" ? -nanoseconds : nanoseconds;
}

function checkCharset(value: string): void {
  if (value !== CHARSET_BINARY && value !== CHARSET_UTF8) {
    throw new Malformed(`the names in its extended header are in "${printable(value)}", neither UTF-8 nor bytes`);
  }
}

function addXattr(name: string, value: Buffer, { header, limits }: ParseState): void {
  checkXattrName(name);
  header.xattrs ??= new Map();
  if (header.xattrs.has(name)) throw new Malformed(`its extended header sets the attribute "${printable(name)}" twice`);
  if (header.xattrs.size >= limits.maxXattrs) {
    throw new Malformed(`it has more than ${limits.maxXattrs} extended attributes`);
  }
  if (value.length > limits.maxXattrBytes) {
    throw new Malformed(
      `its attribute "${printable(name)}" has ${value.length} bytes, more than ${limits.maxXattrBytes}`,
    );
  }
  header.xattrs.set(name, new Uint8Array(value));
}

/** Refuses attribute names that Linux cannot hold or that tar readers disagree on. @throws {Malformed} */
export function checkXattrName(name: string): void {
  if (name === "" || name.length > MAX_XATTR_NAME) {
    throw new Malformed(`an attribute name has ${name.length} bytes, not 1 to ${MAX_XATTR_NAME}`);
  }
  if (GNU_ESCAPE.test(name)) {
    throw new Malformed(`the attribute name "${printable(name)}" holds an escape that only GNU tar decodes`);
  }
}

function applyGnuRecord(record: PaxRecord, state: ParseState): void {
  const { header, limits } = state;
  const sparse = header.sparse ??= { pairs: [] };
  switch (record.key) {
    case "GNU.sparse.offset":
    case "GNU.sparse.numbytes":
      if ((sparse.pairs.length % 2 === 0) !== (record.key === "GNU.sparse.offset")) {
        throw new Malformed("the offsets and lengths of its sparse map are not in turn");
      }
      if (sparse.pairs.length >= 2 * limits.maxSparseRegions) {
        throw new Malformed(`its sparse map has more than ${limits.maxSparseRegions} regions`);
      }
      sparse.pairs.push(record.text);
      break;
    case "GNU.sparse.major":
      sparse.major = once(record, state).text;
      break;
    case "GNU.sparse.minor":
      sparse.minor = once(record, state).text;
      break;
    case "GNU.sparse.name":
      sparse.name = parseName(once(record, state), limits);
      break;
    case "GNU.sparse.size":
      sparse.size = once(record, state).text;
      break;
    case "GNU.sparse.realsize":
      sparse.realSize = once(record, state).text;
      break;
    case "GNU.sparse.numblocks":
      sparse.blockCount = once(record, state).text;
      break;
    case "GNU.sparse.map":
      sparse.map = once(record, state).text;
      break;
    default:
      // GNU.dumpdir and GNU.volume.*: incremental dumps and pieces of multi-volume archives
      throw new Malformed(`its extended header holds "${printable(record.key)}", which only GNU tar understands`);
  }
}

function printable(text: string): string {
  return displayPath(text.slice(0, 80));
}
