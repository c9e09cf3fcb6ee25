/**
 * What comes in place of an archive: other kinds of archives, pages that tell of a mistake, files that stand for others.
 *
 * @module
 */

/** What there is, for messages: `it is a zip archive`, and what to do about it. */
export interface ForeignFormat {
  readonly found: string;
  readonly hint: string;
}

/** How many first bytes tell all of them. */
export const FORMAT_BYTES = 512;

const PACK = "pack the context with tar: tar -czf context.tar.gz .";
const COMPRESS = "compress it with gzip, zstd, xz or bzip2";

const MAGICS: readonly (readonly [magic: string, found: string, hint: string])[] = [
  ["PK\x03\x04", "it is a zip archive, not one of tar", PACK],
  ["PK\x05\x06", "it is a zip archive, not one of tar", PACK],
  ["7z\xbc\xaf\x27\x1c", "it is a 7z archive, not one of tar", PACK],
  ["Rar!\x1a\x07", "it is a rar archive, not one of tar", PACK],
  ["!<arch>\n", "it is an archive of ar, not one of tar", PACK],
  ["070701", "it is an archive of cpio, not one of tar", PACK],
  ["070707", "it is an archive of cpio, not one of tar", PACK],
  ["hsqs", "it is a squashfs image, not an archive of tar", PACK],
  ["]\0\0", "it is compressed with lzma, which is not supported", COMPRESS],
  ["LZIP", "it is compressed with lzip, which is not supported", COMPRESS],
  ["\x04\x22\x4d\x18", "it is compressed with lz4, which is not supported", COMPRESS],
  ["\x1f\x9d", "it is compressed with compress, which is not supported", COMPRESS],
  ["\x89LZO", "it is compressed with lzop, which is not supported", COMPRESS],
  [
    "version https://git-lfs.github.com/spec/v1\n",
    "it is a pointer of Git LFS, not the file it stands for",
    "take the URL of the file itself",
  ],
];

/**
 * Tells what a file is that could not be read as an archive; undefined if that cannot be told, or if it may well be an
 * archive that is damaged.
 *
 * @param head its first bytes, up to `FORMAT_BYTES`.
 */
export function foreignFormat(head: Uint8Array): ForeignFormat | undefined {
  if (head.length === 0) return undefined;
  const text = new TextDecoder("latin1").decode(head.subarray(0, FORMAT_BYTES));
  if (text.slice(257, 262) === "ustar") return undefined;
  const magic = MAGICS.find(([magic]) => text.startsWith(magic));
  if (magic !== undefined) return { found: magic[1], hint: magic[2] };
  // The header of tar's first entry ends its names with zeros.
  if (/[^\t\n\r\x20-\x7e\x80-\xff]/.test(text)) return undefined;
  return /^\s*<(?:!doctype html|html|head|\?xml)/i.test(text)
    ? {
      found: "it is a page for a browser, not an archive",
      hint: "check that the URL is that of the archive and can be read; a git repository is git://HOST/PATH",
    }
    : { found: "it is text, not an archive", hint: PACK };
}
