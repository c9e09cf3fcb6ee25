/**
 * Keeping hard links linked across overlay layers.
 *
 * When a command changes a lower file that has several names, or only moves or removes one of them, overlayfs
 * (index=on) copies the file up once, into its index, and shows that copy under all names. But only the names the
 * command used are in the upper directory, perhaps none. Once that directory is a lower layer itself, the others would
 * show the old file again. So every name of the file below that is still visible is made in the upper directory, too.
 *
 * An entry of the index is a link to the copy, and its name is the file handle of the file below, in hexadecimal: a
 * `struct ovl_fb` of the kernel (fs/overlayfs/overlayfs.h). The names in the upper directory need not be looked at,
 * which is as well: they tell nothing about a file that was renamed.
 *
 * @module
 */
import type { BytePath } from "../io/byte_path.ts";
import { listDirectory } from "../sys/directory.ts";
import * as files from "../sys/file.ts";
import { fileHandleAt } from "../sys/file_handle.ts";
import { isDirectory, statAt } from "../sys/stat.ts";
import { LayerDirectory } from "./layer_directory.ts";
import { namesBelow } from "./names_below.ts";
import { splitPath } from "./open_directories.ts";
import { isWhiteout } from "./overlay_marks.ts";
import type { Metadata } from "./metadata_access.ts";
import { addAsBelow } from "./settle_layer.ts";

/** The directories of an overlay that is not mounted any more. */
export interface LinksRequest {
  readonly upper: BytePath;
  /** The index in its work directory. */
  readonly index: BytePath;
  /** The layers below, lowest first. */
  readonly below: readonly BytePath[];
}

/** Makes the missing names in the upper directory. */
export function restoreLinks({ upper, index, below }: LinksRequest, metadata: Metadata): void {
  // A socket is in no layer, but its names are one file to the next command all the same.
  using lower = LayerDirectory.open(below, { metadata, sockets: true });
  if (lower === undefined) return;
  files.withDirectory(index, (indexed) => {
    const copies = copiesIn(indexed);
    if (copies.size === 0) return;
    files.withDirectory(upper, (root) => {
      const missing = [...namesBelow(lower, root, ({ directory, name }) => {
        const { type, hex } = fileHandleAt(directory, name);
        return copies.get(keyOf(type, hex));
      })];
      for (const { path, what: copy } of missing) {
        addAsBelow(root, path, { lower, metadata }, (directory) => {
          files.makeLink({ directory: indexed, name: copy }, { directory, name: splitPath(path).name });
        });
      }
    });
  });
}

/** Version, magic, length, flags, type and UUID; in hexadecimal. The type is the fifth byte. */
const HEADER_DIGITS = 2 * (5 + 16);

/** Names in the index by the handles of the files below. */
function copiesIn(index: number): ReadonlyMap<string, BytePath> {
  const copies = new Map<string, BytePath>();
  for (const name of listDirectory(index)) {
    const stat = statAt(index, name);
    // With nfs_export=on directories are in it as well, and whiteouts for what was removed under all its names.
    if (isDirectory(stat) || isWhiteout(stat)) continue;
    copies.set(keyOf(Number.parseInt(name.slice(8, 10), 16), name.slice(HEADER_DIGITS)), name);
  }
  return copies;
}

function keyOf(type: number, hex: string): string {
  return `${type}:${hex}`;
}
