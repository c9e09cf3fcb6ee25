/**
 * Builds tar archives byte by byte, legal or not, for attacks no tool would write.
 *
 * Nothing here shares code with the tar codec: an error in both would go unseen.
 *
 * @module
 */

/** A header block; what is not given is what GNU tar would write for an empty file. */
export interface ForgedHeader {
  /** Byte string, like all texts here. */
  readonly name?: string;
  readonly typeFlag?: string;
  readonly mode?: number | string;
  /** A number is written in octal, a text as it is, bytes as they are. */
  readonly uid?: ForgedNumber;
  readonly gid?: ForgedNumber;
  readonly size?: ForgedNumber;
  readonly mtime?: ForgedNumber;
  readonly linkName?: string;
  /** 8 bytes from 257 on; see `MAGIC`. */
  readonly magic?: string;
  readonly devMajor?: ForgedNumber;
  readonly devMinor?: ForgedNumber;
  readonly prefix?: string;
  /** Changes the block before its checksum is made. */
  readonly patch?: (block: Uint8Array<ArrayBuffer>) => void;
  /** How the checksum is made: right, of signed bytes, or off by one. */
  readonly checksum?: "unsigned" | "signed" | "wrong";
}

/** What a numeric field holds. */
export type ForgedNumber = number | string | Uint8Array;

/** The magic and version fields of the formats. */
export const MAGIC = { ustar: "ustar\x0000", gnu: "ustar  \0", v7: "\0\0\0\0\0\0\0\0" } as const;

/** The end marker. */
export const END: Uint8Array<ArrayBuffer> = new Uint8Array(1024);

/** Joins parts, of which texts are byte strings. */
export function join(...parts: readonly (Uint8Array | string)[]): Uint8Array<ArrayBuffer> {
  const bytes = parts.map((part) => typeof part === "string" ? bytesOfText(part) : part);
  const joined = new Uint8Array(bytes.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of bytes) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** Returns a header block. */
export function header(fields: ForgedHeader = {}): Uint8Array<ArrayBuffer> {
  const block = new Uint8Array(512);
  put(block, 0, fields.name ?? "file");
  putNumber(block, 100, 8, fields.mode ?? 0o644);
  putNumber(block, 108, 8, fields.uid ?? 0);
  putNumber(block, 116, 8, fields.gid ?? 0);
  putNumber(block, 124, 12, fields.size ?? 0);
  putNumber(block, 136, 12, fields.mtime ?? 0);
  put(block, 156, fields.typeFlag ?? "0");
  put(block, 157, fields.linkName ?? "");
  put(block, 257, fields.magic ?? MAGIC.ustar);
  if (fields.devMajor !== undefined) putNumber(block, 329, 8, fields.devMajor);
  if (fields.devMinor !== undefined) putNumber(block, 337, 8, fields.devMinor);
  put(block, 345, fields.prefix ?? "");
  fields.patch?.(block);
  put(block, 148, "        ");
  const sum = block.reduce((total, byte) => total + (fields.checksum === "signed" ? byte << 24 >> 24 : byte), 0);
  put(block, 148, `${(sum + (fields.checksum === "wrong" ? 1 : 0)).toString(8).padStart(6, "0")}\0 `);
  return block;
}

/** Returns a header block and the body it announces, padded. */
export function entry(fields: ForgedHeader = {}, body: Uint8Array | string = ""): Uint8Array<ArrayBuffer> {
  return join(header({ size: body.length, ...fields }), padded(body));
}

/** Returns a body filled up to whole blocks. */
export function padded(body: Uint8Array | string): Uint8Array<ArrayBuffer> {
  return join(body, new Uint8Array((512 - body.length % 512) % 512));
}

/** Returns an archive: parts and an end marker. */
export function archive(...parts: readonly (Uint8Array | string)[]): Uint8Array<ArrayBuffer> {
  return join(...parts, END);
}

/** Returns a PAX record with the right length, which counts itself. */
export function paxRecord(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`.length;
  for (let digits = 1;; digits++) {
    const length = rest + digits;
    if (String(length).length === digits) return `${length} ${key}=${value}\n`;
  }
}

/** Returns a PAX header (`x`, or `g` for a global one) with these records in this order; texts are taken as they are. */
export function pax(
  records: readonly (readonly [key: string, value: string] | string)[],
  fields: ForgedHeader = {},
): Uint8Array<ArrayBuffer> {
  const body = records.map((record) => typeof record === "string" ? record : paxRecord(...record)).join("");
  return entry({ name: "./PaxHeaders/file", typeFlag: "x", ...fields }, body);
}

/** Returns a GNU long name (`L`) or long link target (`K`), ended by NUL. */
export function gnuLong(typeFlag: "L" | "K", text: string): Uint8Array<ArrayBuffer> {
  return entry({ name: "././@LongLink", typeFlag, magic: MAGIC.gnu }, `${text}\0`);
}

/** Returns an old GNU sparse header: regions, the size of the expanded file, and whether extension blocks follow. */
export function gnuSparse(fields: ForgedHeader, map: GnuSparseMap): Uint8Array<ArrayBuffer> {
  return header({
    typeFlag: "S",
    magic: MAGIC.gnu,
    ...fields,
    patch: (block) => {
      for (const [index, [offset, length]] of map.regions.entries()) {
        putNumber(block, 386 + index * 24, 12, offset);
        putNumber(block, 398 + index * 24, 12, length);
      }
      block[482] = map.extended === true ? 1 : 0;
      putNumber(block, 483, 12, map.realSize);
      fields.patch?.(block);
    },
  });
}

/** What an old GNU sparse header says. */
export interface GnuSparseMap {
  readonly regions: readonly (readonly [offset: ForgedNumber, length: ForgedNumber])[];
  readonly realSize: ForgedNumber;
  readonly extended?: boolean;
}

/** Returns an extension block of an old GNU sparse map: up to 21 regions. */
export function gnuSparseExtension(map: Omit<GnuSparseMap, "realSize">): Uint8Array<ArrayBuffer> {
  const block = new Uint8Array(512);
  for (const [index, [offset, length]] of map.regions.entries()) {
    putNumber(block, index * 24, 12, offset);
    putNumber(block, index * 24 + 12, 12, length);
  }
  block[504] = map.extended === true ? 1 : 0;
  return block;
}

/** Returns a number in base 256, as GNU tar writes what octal digits cannot hold. */
export function base256(value: bigint, length: number): Uint8Array<ArrayBuffer> {
  const field = new Uint8Array(length);
  let rest = BigInt.asUintN(length * 8, value);
  for (let at = length - 1; at >= 0; at--, rest >>= 8n) field[at] = Number(rest & 0xffn);
  field[0] = value < 0n ? 0xff : 0x80;
  return field;
}

function bytesOfText(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

function put(block: Uint8Array, at: number, text: string): void {
  block.set(bytesOfText(text), at);
}

function putNumber(block: Uint8Array, at: number, length: number, value: ForgedNumber): void {
  block.fill(0, at, at + length);
  if (typeof value === "number") put(block, at, value.toString(8).padStart(length - 1, "0"));
  else if (typeof value === "string") put(block, at, value);
  else block.set(value, at);
}
