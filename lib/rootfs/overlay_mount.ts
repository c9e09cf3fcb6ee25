/**
 * Mounting overlays.
 *
 * Directories are named by descriptor (`/proc/self/fd/N`): the options of mount(2) are limited to a page, and a path
 * with a colon or comma in it would need escaping.
 *
 * @module
 */
import type { BytePath } from "../io/byte_path.ts";
import { SysError } from "../sys/errno.ts";
import { close, openDirectory } from "../sys/file.ts";
import { mount, MS } from "../sys/mount.ts";

/** A stack of directories to merge. */
export interface OverlayStack {
  /** Lowest first; at least one, and at least two without an upper directory. */
  readonly lowers: readonly BytePath[];
  /** Makes the mount writable. `work` is an empty directory in the same file system. */
  readonly writable?: { readonly upper: BytePath; readonly work: BytePath };
}

/** Options in order of preference: the kernel or the file system may not know the first ones. */
const WRITABLE_OPTIONS: readonly string[] = [
  "index=on,metacopy=off,redirect_dir=off,volatile",
  "index=on,metacopy=off,redirect_dir=off",
  "metacopy=off,redirect_dir=off,volatile",
  "metacopy=off,redirect_dir=off",
];

/**
 * Mounts a stack at `target`.
 *
 * @returns whether hard links of lower files stay linked when one name is written to (index=on).
 * @throws {SysError} if the kernel refuses every form.
 */
export function mountOverlay(stack: OverlayStack, target: BytePath): { keepsLinks: boolean } {
  const fds: number[] = [];
  const open = (path: BytePath): string => {
    const fd = openDirectory(path);
    fds.push(fd);
    return `/proc/self/fd/${fd}`;
  };
  try {
    const lowers = [...stack.lowers].reverse().map(open).join(":");
    if (stack.writable === undefined) {
      mount({ source: "overlay", target, type: "overlay", flags: MS.RDONLY, options: `lowerdir=${lowers}` });
      return { keepsLinks: true };
    }
    const directories = `lowerdir=${lowers},upperdir=${open(stack.writable.upper)},workdir=${
      open(stack.writable.work)
    }`;
    return mountWritable(directories, target);
  } finally {
    for (const fd of fds) close(fd);
  }
}

function mountWritable(directories: string, target: BytePath): { keepsLinks: boolean } {
  let refused: unknown;
  for (const options of WRITABLE_OPTIONS) {
    try {
      // nodev: device nodes of an image are files to keep, not devices to open.
      mount({ source: "overlay", target, type: "overlay", flags: MS.NODEV, options: `${directories},${options}` });
      return { keepsLinks: options.includes("index=on") };
    } catch (error) {
      if (!(error instanceof SysError && error.is("EINVAL", "EOPNOTSUPP", "ESTALE"))) throw error;
      refused ??= error;
    }
  }
  throw refused;
}
