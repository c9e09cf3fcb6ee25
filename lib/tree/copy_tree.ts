/**
 * Copying a whole tree, entry for entry, hard links and times included.
 *
 * @module
 */
import type { BytePath } from "../io/byte_path.ts";
import { listDirectory } from "../sys/directory.ts";
import * as files from "../sys/file.ts";
import { inodeKey, isDirectory, statAt } from "../sys/stat.ts";
import { applyMeta, copyEntry } from "./copy_entry.ts";
import { joinPath } from "./open_directories.ts";
import { reach } from "./reach.ts";
import { copyRootMeta } from "./settle_layer.ts";

/** Copies the tree at `from` into the empty directory `to`. @throws {SysError} */
export function copyTree({ from, to }: { readonly from: BytePath; readonly to: BytePath }): void {
  files.withDirectory(from, (source) =>
    files.withDirectory(to, (target) => {
      copyChildren(source, target, { root: target, path: "", links: new Map() });
      copyRootMeta(from, target);
    }));
}

interface Place {
  /** Descriptor of the copy's root. */
  readonly root: number;
  readonly path: BytePath;
  /** Inodes with several names, to the path of their first copy. */
  readonly links: Map<string, BytePath>;
}

function copyChildren(source: number, target: number, place: Place): void {
  for (const name of listDirectory(source)) {
    const stat = statAt(source, name);
    const path = joinPath(place.path, name);
    const located = { directory: source, name, stat };
    const to = { directory: target, name };
    if (isDirectory(stat)) {
      files.makeDirectory(target, name, 0o700);
      withChild(
        source,
        name,
        (from) => withChild(target, name, (into) => copyChildren(from, into, { ...place, path })),
      );
      applyMeta(located, to, stat);
      files.setTime(target, name, { sec: stat.mtimeSec, nsec: stat.mtimeNsec });
      continue;
    }
    const first = stat.nlink > 1 ? place.links.get(inodeKey(stat)) : undefined;
    if (first !== undefined) {
      reach(place.root, first, (directory, first) => files.makeLink({ directory, name: first }, to));
      continue;
    }
    copyEntry(located, to, stat);
    if (stat.nlink > 1) place.links.set(inodeKey(stat), path);
  }
}

function withChild(directory: number, name: BytePath, body: (fd: number) => void): void {
  const fd = files.openAt(directory, name, files.O.RDONLY | files.O.DIRECTORY | files.O.NOFOLLOW);
  try {
    body(fd);
  } finally {
    files.close(fd);
  }
}
