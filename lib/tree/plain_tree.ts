/**
 * Whether a part of a file tree may be shown as it lies on disk.
 *
 * @module
 */
import type { BytePath } from "../io/byte_path.ts";
import { listDirectory } from "../sys/directory.ts";
import * as files from "../sys/file.ts";
import { openInRoot } from "../sys/resolve.ts";
import { isDirectory, statAt, statOf } from "../sys/stat.ts";
import type { FileTree } from "./file_tree.ts";
import { type IgnoreRules, parseIgnoreLines } from "./ignore.ts";
import { joinPath } from "./open_directories.ts";

/** Tells whether everything at `path` has the owner the tree gives it, and nothing of it is ignored. */
export function isPlainTree({ tree, path }: { readonly tree: FileTree; readonly path: BytePath }): boolean {
  const rules = tree.ignore === undefined ? undefined : parseIgnoreLines(tree.ignore);
  return files.withDirectory(tree.root, (root) => {
    const fd = openInRoot(root, path, files.O.PATH | files.O.NOFOLLOW);
    try {
      if (rules?.excludes(path) === true && path !== "") return false;
      const stat = statOf(fd);
      if (!hasOwner(stat, tree)) return false;
      if (!isDirectory(stat)) return true;
      const directory = files.openAt(fd, ".", files.O.RDONLY | files.O.DIRECTORY);
      try {
        return isPlainDirectory(directory, path, { tree, rules });
      } finally {
        files.close(directory);
      }
    } finally {
      files.close(fd);
    }
  });
}

function isPlainDirectory(
  fd: number,
  path: BytePath,
  how: { tree: FileTree; rules: IgnoreRules | undefined },
): boolean {
  return listDirectory(fd).every((name) => {
    const inner = joinPath(path, name);
    const stat = statAt(fd, name);
    if (!hasOwner(stat, how.tree) || how.rules?.excludes(inner) === true) return false;
    if (!isDirectory(stat)) return true;
    const child = files.openAt(fd, name, files.O.RDONLY | files.O.DIRECTORY | files.O.NOFOLLOW);
    try {
      return isPlainDirectory(child, inner, how);
    } finally {
      files.close(child);
    }
  });
}

function hasOwner(stat: { uid: number; gid: number }, { owner }: FileTree): boolean {
  return owner === undefined || (stat.uid === owner.uid && stat.gid === owner.gid);
}
