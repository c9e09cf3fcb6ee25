/**
 * One header block with its meaning: the format it is in, what kind of thing it describes, its names and numbers.
 *
 * The formats overlap: ustar splits long names into prefix and name, old GNU headers keep times and sparse maps where
 * the prefix would be, headers before 1988 (v7) have neither. Python applies a prefix to all three, star and its
 * readers cut it at 131 bytes. Blocks on which these readings differ are refused (pains-and-security.md S23).
 *
 * @module
 */
import { Buffer } from "node:buffer";
import type { EntryType } from "./entry.ts";
import {
  BLOCK_BYTES,
  FIELD,
  type HeaderField,
  readNumber,
  sumOf,
  TEXT,
  TYPE_FLAG_AT,
  verifyChecksum,
} from "./header_block.ts";
import { Malformed } from "./malformed.ts";

/** The type flag of a sparse file in an old GNU archive. */
export const GNU_SPARSE = "S";

const ENTRY_TYPES: ReadonlyMap<string, EntryType> = new Map([
  ["\0", "file"],
  ["0", "file"],
  ["1", "hardlink"],
  ["2", "symlink"],
  ["3", "char"],
  ["4", "block"],
  ["5", "dir"],
  ["6", "fifo"],
  // contiguous file: a file like any other on Linux
  ["7", "file"],
  [GNU_SPARSE, "file"],
]);

/** What messages call the type flags that are refused and that real tools write. */
const FOREIGN_TYPES: ReadonlyMap<string, string> = new Map([
  ["D", "a directory of an incremental GNU dump"],
  ["M", "the rest of a file begun in another volume"],
  ["N", "a long name of the oldest GNU tar"],
  ["V", "a volume label"],
  ["X", "an extended header as Solaris writes it"],
  ["A", "an access control list as Solaris writes it"],
  ["I", "an inode as star writes it"],
]);

const SPACE_PAIR = 0x2020;

/** A reusable buffer for one header block and the views its parsing needs. */
export class HeaderBlock {
  /** The bytes of the block. */
  readonly bytes: Buffer = Buffer.from(new ArrayBuffer(BLOCK_BYTES));
  readonly #words: Uint32Array = new Uint32Array(this.bytes.buffer, this.bytes.byteOffset, BLOCK_BYTES / 4);

  /** Checks the checksum. Returns false for a block of zeros, which marks the end. @throws {Malformed} */
  verify(): boolean {
    const sum = sumOf(this.#words);
    if (sum === 0) return false;
    verifyChecksum(this.bytes, sum);
    return true;
  }

  /** The type flag as a character. */
  get typeFlag(): string {
    return String.fromCharCode(this.bytes[TYPE_FLAG_AT] ?? 0);
  }

  /** A numeric field. @throws {Malformed} */
  number(field: HeaderField): number {
    return readNumber(this.bytes, field);
  }

  /** The name, with the prefix of ustar. @throws {Malformed} where readers disagree whether there is a prefix. */
  name(): string {
    const name = this.text(TEXT.name);
    if (this.bytes[TEXT.prefix.at] === 0) return name;
    const format = headerFormat(this.bytes);
    if (format === "ustar") {
      if (this.text(TEXT.starMagic) === "tar" && this.bytes[TEXT.prefix.at + 130] !== 0) {
        throw new Malformed("its name has a prefix that star and other tar readers cut at different places");
      }
      return `${this.text(TEXT.prefix)}/${name}`;
    }
    // the area holds times here, and no reader takes them for a name
    if (this.typeFlag === GNU_SPARSE && format === "gnu") return name;
    throw new Malformed(
      format === "gnu"
        ? "its old GNU header holds access times, which some tar readers take for a part of its name"
        : "its header is of the oldest format, but has a prefix, which some tar readers add to its name",
    );
  }

  /** The text in a field, up to its NUL byte. Byte string. */
  text(field: { readonly at: number; readonly length: number }): string {
    const end = field.at + field.length;
    let at = field.at;
    while (at < end && this.bytes[at] !== 0) at++;
    return at === field.at ? "" : this.bytes.toString("latin1", field.at, at);
  }

  /**
   * The kind of entry this is, under its final name and the name in the header itself.
   *
   * @throws {Malformed} if readers do not agree on one: a trailing slash makes a file of type NUL a directory (v7), for
   * GNU tar and libarchive also one of type `0`.
   */
  entryType(name: string, headerName: string): EntryType {
    const flag = this.typeFlag;
    const type = this.#flagType(flag);
    const slash = name.endsWith("/");
    if (type === "dir") return type;
    if (flag === "\0" && slash && headerName.endsWith("/")) return "dir";
    if (slash) throw new Malformed('its name ends in "/", but it is not a directory');
    if (flag === "\0" && headerName.endsWith("/")) throw new Malformed('only one of its names ends in "/"');
    return type;
  }

  #flagType(flag: string): EntryType {
    const type = ENTRY_TYPES.get(flag);
    if (type === undefined) {
      const known = FOREIGN_TYPES.get(flag);
      const shown = /[!-~]/.test(flag) ? `"${flag}"` : `0x${flag.charCodeAt(0).toString(16).padStart(2, "0")}`;
      throw new Malformed(known === undefined ? `its type ${shown} is unknown` : `its type ${shown} is ${known}`);
    }
    return type;
  }

  /** Checks the fields whose reading is not needed, but on which a reader could stumble. @throws {Malformed} */
  checkUnusedFields(type: EntryType): void {
    const { bytes } = this;
    if (headerFormat(bytes) === "v7" && (type === "char" || type === "block")) {
      throw new Malformed("it is a device in a header of a format without device numbers");
    }
    // Python takes an entry whose device numbers it cannot read for the end of the archive
    if (type !== "char" && type !== "block") {
      skipUnlessBlank(bytes, FIELD.devMajor);
      skipUnlessBlank(bytes, FIELD.devMinor);
    }
    if (this.typeFlag === GNU_SPARSE) {
      if (headerFormat(bytes) !== "gnu") throw new Malformed("it is a sparse file in a header that is not of GNU tar");
      if (bytes[FIELD.gnuAtime.at] !== 0) readNumber(bytes, FIELD.gnuAtime);
      if (bytes[FIELD.gnuCtime.at] !== 0) readNumber(bytes, FIELD.gnuCtime);
    }
  }
}

/** Reads a number for its errors only. Spaces alone are fine: GNU tar does not look there, the others take them for 0. */
function skipUnlessBlank(bytes: Uint8Array, field: HeaderField): void {
  for (let at = field.at; at < field.at + field.length; at++) {
    const byte = bytes[at];
    if (byte !== 0x20) {
      readNumber(bytes, field);
      return;
    }
  }
}

type HeaderFormat = "ustar" | "gnu" | "v7";

function headerFormat(bytes: Buffer): HeaderFormat {
  const at = TEXT.magic.at;
  // "ustar"
  const ustar = bytes[at] === 0x75 && bytes[at + 1] === 0x73 && bytes[at + 2] === 0x74 && bytes[at + 3] === 0x61 &&
    bytes[at + 4] === 0x72;
  if (!ustar) return "v7";
  if (bytes[at + 5] === 0) return "ustar";
  if (bytes.readUInt16BE(at + 5) === SPACE_PAIR && bytes[at + 7] === 0) return "gnu";
  throw new Malformed("its header names a format that is neither ustar nor GNU");
}
