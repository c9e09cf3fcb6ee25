/**
 * Writes one ustar header block.
 *
 * @module
 */
import { BLOCK_BYTES, FIELD, type HeaderField, MAX_OCTAL_12, MAX_OCTAL_8, TEXT, TYPE_FLAG_AT } from "./header_block.ts";

/** The fields of a ustar header; names are byte strings that fit. */
export interface UstarHeader {
  readonly name: string;
  readonly prefix: string;
  /** The type flag's byte. */
  readonly typeFlag: number;
  readonly mode: number;
  /** Beyond 2,097,151 the field holds that number: a reader that ignores PAX headers must not see root. */
  readonly uid: number;
  readonly gid: number;
  /** From 8 GiB on the field holds 0. */
  readonly size: number;
  /** Seconds since the epoch, within the field's range. */
  readonly seconds: number;
  readonly linkName: string;
  readonly devMajor: number;
  readonly devMinor: number;
}

/** "ustar\0" and "00", the bytes of the magic and version fields. */
const MAGIC = "ustar\x0000";
/** What the checksum field counts as: eight spaces. */
const BLANK_CHECKSUM = 8 * 0x20;
const CHECKSUM_DIGITS: HeaderField = { ...FIELD.checksum, length: 7 };

/** Fills a block of 512 bytes. */
export function encodeHeader(block: Uint8Array, header: UstarHeader): void {
  block.fill(0, 0, BLOCK_BYTES);
  block[TYPE_FLAG_AT] = header.typeFlag;
  const sum = BLANK_CHECKSUM + header.typeFlag +
    putText(block, { at: TEXT.name.at, text: header.name }) +
    putOctal(block, { field: FIELD.mode, value: header.mode }) +
    putOctal(block, { field: FIELD.uid, value: Math.min(header.uid, MAX_OCTAL_8) }) +
    putOctal(block, { field: FIELD.gid, value: Math.min(header.gid, MAX_OCTAL_8) }) +
    putOctal(block, { field: FIELD.size, value: header.size > MAX_OCTAL_12 ? 0 : header.size }) +
    putOctal(block, { field: FIELD.mtime, value: header.seconds }) +
    putText(block, { at: TEXT.linkName.at, text: header.linkName }) +
    putText(block, { at: TEXT.magic.at, text: MAGIC }) +
    putOctal(block, { field: FIELD.devMajor, value: header.devMajor }) +
    putOctal(block, { field: FIELD.devMinor, value: header.devMinor }) +
    putText(block, { at: TEXT.prefix.at, text: header.prefix });
  // six digits, NUL, space: as every tar has written it since 1979
  putOctal(block, { field: CHECKSUM_DIGITS, value: sum });
  block[FIELD.checksum.at + 7] = 0x20;
}

/**
 * Returns how a name fits the name and prefix fields, or undefined if it does not. Splits at the last slash possible,
 * as Go does. Both parts hold any bytes: all readers take them as they are.
 */
export function splitName(name: string): { readonly name: string; readonly prefix: string } | undefined {
  if (name.length <= TEXT.name.length) return { name, prefix: "" };
  // a directory's own slash belongs to its name
  const at = name.lastIndexOf("/", Math.min(TEXT.prefix.length, name.length - 2));
  if (at <= 0 || name.length - at - 1 > TEXT.name.length) return undefined;
  return { name: name.slice(at + 1), prefix: name.slice(0, at) };
}

/** Writes bytes and returns their sum. */
function putText(block: Uint8Array, { at, text }: { readonly at: number; readonly text: string }): number {
  let sum = 0;
  for (let index = 0; index < text.length; index++) {
    const byte = text.charCodeAt(index);
    block[at + index] = byte;
    sum += byte;
  }
  return sum;
}

/** Writes a number in octal digits that fill the field but for a NUL at its end. Returns the sum of the bytes. */
function putOctal(
  block: Uint8Array,
  { field, value }: { readonly field: HeaderField; readonly value: number },
): number {
  let sum = 0;
  let rest = value;
  for (let at = field.at + field.length - 2; at >= field.at; at--) {
    const digit = rest % 8;
    block[at] = 0x30 + digit;
    sum += 0x30 + digit;
    rest = (rest - digit) / 8;
  }
  return sum;
}
