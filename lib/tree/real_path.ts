/**
 * The symlink-free form of a path inside a root, also of a path that does not exist yet.
 *
 * @module
 */
import type { BytePath } from "../io/byte_path.ts";
import { ERRNO, SysError } from "../sys/errno.ts";
import { AT_FDCWD, close, O, readLink, withDirectory } from "../sys/file.ts";
import { openInRoot } from "../sys/resolve.ts";
import { isDirectory, isSymlink, type Stat, tryStatAt } from "../sys/stat.ts";
import { reach } from "./reach.ts";

/** As the kernel's own limit. */
const MAX_LINKS = 40;

/** A resolved path. */
export interface RealPath {
  /** Relative to the root, without symlinks, "" for the root itself. */
  readonly path: BytePath;
  /** What is there, or undefined. */
  readonly stat: Stat | undefined;
}

/**
 * Resolves `path` in the root at descriptor `root`, its last component included; `..` and absolute links stay inside.
 * Nothing may change the tree meanwhile.
 *
 * @throws {SysError} ELOOP after 40 links, ENOTDIR if the way leads through something that is no directory.
 */
export function realPathIn(root: number, path: BytePath): RealPath {
  const pending = componentsOf(path);
  const done: BytePath[] = [];
  const statHere = (here: BytePath): Stat | undefined => reach(root, here, tryStatAt);
  let stat: Stat | undefined = statHere("");
  let links = 0;
  for (let name = pending.shift(); name !== undefined; name = pending.shift()) {
    if (name === "..") {
      done.pop();
      stat = statHere(done.join("/"));
      continue;
    }
    if (stat !== undefined && !isDirectory(stat)) throw new SysError("resolve", ERRNO.ENOTDIR, path);
    const here = [...done, name].join("/");
    const found = stat === undefined ? undefined : statHere(here);
    if (found !== undefined && isSymlink(found)) {
      if (++links > MAX_LINKS) throw new SysError("resolve", ERRNO.ELOOP, path);
      const target = reach(root, here, readLink);
      if (target.startsWith("/")) done.length = 0;
      pending.unshift(...componentsOf(target));
      stat = statHere(done.join("/"));
      continue;
    }
    done.push(name);
    stat = found;
  }
  return { path: done.join("/"), stat };
}

/** Returns the absolute path without symlinks of a directory below `root`, resolved inside it. @throws {SysError} */
export function realDirectory(root: BytePath, path: BytePath): BytePath {
  return withDirectory(root, (fd) => {
    const inner = openInRoot(fd, path, O.RDONLY | O.DIRECTORY);
    try {
      return readLink(AT_FDCWD, `/proc/self/fd/${inner}`);
    } finally {
      close(inner);
    }
  });
}

/** Cleans a path against "/": no leading slash, no ".", ".." never above the root, no trailing slash. */
export function cleanInRoot(path: BytePath): BytePath {
  const parts: BytePath[] = [];
  for (const part of componentsOf(path)) {
    if (part === "..") parts.pop();
    else parts.push(part);
  }
  return parts.join("/");
}

function componentsOf(path: BytePath): BytePath[] {
  return path.split("/").filter((part) => part !== "" && part !== ".");
}
