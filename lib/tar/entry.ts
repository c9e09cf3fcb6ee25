/**
 * Entries of a tar archive, as the codec hands them over and takes them.
 *
 * Names, link targets and xattr names are byte strings: one character per byte, 0 to 255 (`BytePath` of decisions 18).
 *
 * @module
 */

/** What kind of thing an entry is. */
export type EntryType = "file" | "hardlink" | "symlink" | "char" | "block" | "dir" | "fifo";

/** The header of one entry, all extensions (PAX, GNU) already applied. */
export interface TarEntry {
  /** As written, without any cleaning; a directory's trailing slash is kept. Byte string. */
  readonly name: string;
  readonly type: EntryType;
  /** Permission bits with setuid, setgid and sticky: 0 to 0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes of content that follow (after expanding a sparse file). 0 for everything but files. */
  readonly size: number;
  /** Nanoseconds since the epoch, may be negative. */
  readonly mtimeNs: bigint;
  /** Target of a hardlink or symlink, else "". Byte string. */
  readonly linkName: string;
  readonly devMajor: number;
  readonly devMinor: number;
  /** Extended attributes from `SCHILY.xattr.*` records: names are byte strings, values raw bytes. */
  readonly xattrs?: ReadonlyMap<string, Uint8Array>;
}
