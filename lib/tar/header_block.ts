/**
 * The 512-byte header block: where its fields lie, its checksum, and its numbers.
 *
 * Offsets are those of POSIX.1-1988 (ustar), of GNU tar's `tar.h` for the old GNU sparse fields. Numbers are read as
 * GNU tar 1.34, libarchive 3.6, Go 1.26 and Python 3.11 all read them; what one of them reads differently is refused.
 *
 * @module
 */
import { Malformed } from "./malformed.ts";

/** Bytes of a block: the unit an archive is made of. */
export const BLOCK_BYTES = 512;

/** A field of the header block. */
export interface HeaderField {
  readonly at: number;
  readonly length: number;
  /** What messages call it. */
  readonly what: string;
}

/** The fields of a ustar header that hold numbers. */
export const FIELD = {
  mode: { at: 100, length: 8, what: "mode" },
  uid: { at: 108, length: 8, what: "user ID" },
  gid: { at: 116, length: 8, what: "group ID" },
  size: { at: 124, length: 12, what: "size" },
  mtime: { at: 136, length: 12, what: "modification time" },
  checksum: { at: 148, length: 8, what: "checksum" },
  devMajor: { at: 329, length: 8, what: "device major number" },
  devMinor: { at: 337, length: 8, what: "device minor number" },
  gnuAtime: { at: 345, length: 12, what: "access time" },
  gnuCtime: { at: 357, length: 12, what: "change time" },
  gnuRealSize: { at: 483, length: 12, what: "size of the sparse file" },
} as const satisfies Record<string, HeaderField>;

/** The fields that hold text, ended by a NUL byte unless they are full. */
export const TEXT = {
  name: { at: 0, length: 100 },
  linkName: { at: 157, length: 100 },
  magic: { at: 257, length: 8 },
  prefix: { at: 345, length: 155 },
  /** `tar\0` in an archive of star, whose prefix is only 131 bytes long. */
  starMagic: { at: 508, length: 4 },
} as const;

/** Where the type flag lies. */
export const TYPE_FLAG_AT = 156;

/** The largest number that fits a 12-byte field as octal digits and a terminator: 8 GiB - 1. */
export const MAX_OCTAL_12 = 0o77777777777;
/** The largest number that fits an 8-byte field as octal digits and a terminator. */
export const MAX_OCTAL_8 = 0o7777777;

/** Largest user or group ID: 2^32 - 1 means "do not change" to chown. */
export const MAX_ID = 0xfffffffe;
/** Largest device major number on Linux: 12 bits. */
export const MAX_MAJOR = 0xfff;
/** Largest device minor number on Linux: 20 bits. */
export const MAX_MINOR = 0xfffff;

const SPACE = 0x20;
const ZERO = 0x30;
/** What the eight bytes of the checksum field count as in the sum. */
const BLANK_CHECKSUM = 8 * SPACE;

/** Returns the bytes that fill the last block of a content of `size` bytes. */
export function paddingOf(size: number): number {
  return (BLOCK_BYTES - size % BLOCK_BYTES) % BLOCK_BYTES;
}

/**
 * Returns the sum of a block's bytes.
 *
 * @param words The block as 128 words of 32 bits: two bytes are added at a time, 3 times as fast as one by one. Each
 * half adds up to at most 128 * 2 * 255 = 65,280, so it never overflows into the other.
 */
export function sumOf(words: Uint32Array): number {
  let sum = 0;
  for (let at = 0; at < 128; at++) {
    const word = words[at] ?? 0;
    sum += (word & 0x00ff00ff) + ((word >>> 8) & 0x00ff00ff);
  }
  return (sum & 0xffff) + (sum >>> 16);
}

/** Checks the checksum of a header, as a sum of unsigned or, as old tars made it, of signed bytes. @throws {Malformed} */
export function verifyChecksum(block: Uint8Array, unsignedSum: number): void {
  const stored = readNumber(block, FIELD.checksum);
  let own = 0;
  for (let at = FIELD.checksum.at; at < FIELD.checksum.at + FIELD.checksum.length; at++) own += block[at] ?? 0;
  if (stored === unsignedSum - own + BLANK_CHECKSUM) return;
  let signedSum = BLANK_CHECKSUM;
  for (let at = 0; at < BLOCK_BYTES; at++) {
    if (at < FIELD.checksum.at || at >= FIELD.checksum.at + FIELD.checksum.length) {
      signedSum += (block[at] ?? 0) << 24 >> 24;
    }
  }
  if (stored !== signedSum) throw new Malformed("the checksum of its header is wrong");
}

/**
 * Reads a number: octal digits, or base-256 where the first byte is 0x80 (positive) or 0xff (negative). A field of NUL
 * bytes is 0.
 *
 * Refused because readers differ: digits after leading NULs (Go reads them, Python does not), anything but spaces and
 * NULs after a space (GNU tar and libarchive stop there, Go and Python fail), signs (libarchive only), a field of
 * spaces (GNU tar fails).
 *
 * @throws {Malformed} for those, and for numbers beyond 2^53.
 */
export function readNumber(block: Uint8Array, field: HeaderField): number {
  const end = field.at + field.length;
  let at = field.at;
  const first = block[at] ?? 0;
  if (first >= 0x80) return readBase256(block, field);
  while (at < end && block[at] === SPACE) at++;
  const start = at;
  let value = 0;
  while (at < end) {
    const digit = (block[at] ?? 0) - ZERO;
    if (digit < 0 || digit > 7) break;
    value = value * 8 + digit;
    at++;
  }
  const digits = at > start;
  // "0000644\0" is nearly every field there is
  if (digits && (at === end || block[at] === 0)) return value;
  const leading = block[field.at];
  for (let rest = at; rest < end; rest++) {
    const byte = block[rest];
    if (byte !== 0 && (byte !== SPACE || leading === 0)) {
      throw new Malformed(`the ${field.what} in its header is not a number`);
    }
  }
  if (!digits && at === end) throw new Malformed(`the ${field.what} in its header is blank`);
  return value;
}

function readBase256(block: Uint8Array, field: HeaderField): number {
  const first = block[field.at];
  if (first !== 0x80 && first !== 0xff) throw new Malformed(`the ${field.what} in its header is not a number`);
  const negative = first === 0xff;
  let value = 0;
  for (let at = field.at + 1; at < field.at + field.length; at++) {
    const byte = block[at] ?? 0;
    value = value * 256 + (negative ? 0xff - byte : byte);
  }
  if (value >= Number.MAX_SAFE_INTEGER) throw new Malformed(`the ${field.what} in its header is beyond 2^53`);
  return negative ? -(value + 1) : value;
}
