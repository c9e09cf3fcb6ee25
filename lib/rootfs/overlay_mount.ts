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
import { AT_FDCWD, close, openDirectory } from "../sys/file.ts";
import { mount, mountByParts, MS } from "../sys/mount.ts";
import { tryStatAt } from "../sys/stat.ts";
import { whileBusy } from "../sys/while_busy.ts";
import { OVERLAY_NOTES } from "../tree/overlay_marks.ts";
import { removeTree } from "../tree/remove.ts";

/** A stack of directories to merge. */
export interface OverlayStack {
  /** Lowest first; at least one, and at least two without an upper directory. */
  readonly lowers: readonly BytePath[];
  /** Makes the mount writable. `work` is an empty directory in the same file system. */
  readonly writable?: { readonly upper: BytePath; readonly work: BytePath };
}

/** The kernel stacks fewer directories than were asked for. */
export class TooManyLowers extends Error {}

/** Options in order of preference: the kernel or the file system may not know the first ones. */
const PLAIN: readonly Option[] = OVERLAY_NOTES === "user"
  ? [["metacopy", "off"], ["userxattr"]]
  : [["metacopy", "off"], ["redirect_dir", "off"]];
const WRITABLE_OPTIONS: readonly (readonly Option[])[] = [
  [["index", "on"], ...PLAIN, ["volatile"]],
  [["index", "on"], ...PLAIN],
  [...PLAIN, ["volatile"]],
  PLAIN,
];

/**
 * Mounts a stack at `target`.
 *
 * @returns whether hard links of lower files stay linked when one name is written to (index=on).
 * @throws {TooManyLowers}
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
    const lowers = [...stack.lowers].reverse().map(open);
    if (stack.writable === undefined) {
      const options: readonly Option[] = OVERLAY_NOTES === "user" ? [["userxattr"]] : [];
      mountStack(lowers, { target, flags: MS.RDONLY, options });
      return { keepsLinks: true };
    }
    const { upper, work } = stack.writable;
    const clear = (): void => {
      for (const name of ["work", "index"]) removeTree(AT_FDCWD, `${work}/${name}`);
    };
    mountWritable(lowers, { upper: open(upper), work: open(work), clear }, target);
    // The kernel takes index=on and goes without where it cannot have it, as without CAP_DAC_READ_SEARCH.
    return { keepsLinks: tryStatAt(AT_FDCWD, `${work}/index`) !== undefined };
  } finally {
    for (const fd of fds) close(fd);
  }
}

/** Name and value of an option; a flag has none. */
type Option = readonly [name: string, value?: string];

function mountWritable(lowers: readonly string[], { upper, work, clear }: Writable, target: BytePath): void {
  let refused: unknown;
  for (const options of WRITABLE_OPTIONS) {
    // nodev: device nodes of an image are files to keep, not devices to open.
    const stack = { target, flags: MS.NODEV, options: [["upperdir", upper], ["workdir", work], ...options] as const };
    try {
      whileBusy(() => mountStack(lowers, stack), { mostMs: MOST_BUSY_MS, between: clear });
      return;
    } catch (error) {
      if (!(error instanceof SysError && error.is("EINVAL", "EOPNOTSUPP", "ESTALE", "EBUSY"))) throw error;
      refused ??= error;
      clear();
    }
  }
  throw refused;
}

/** The directories of a writable mount, by descriptor. */
interface Writable {
  readonly upper: string;
  readonly work: string;
  /** Removes what a mount that failed has left in `work`: a mark of "volatile" would forbid the next one. */
  clear(): void;
}

/**
 * With index=on the kernel takes no directory that an overlay still has as its upper one, and an overlay that was
 * unmounted here is still mounted in every namespace that has a copy of our mounts: a command that is being started has
 * one for a moment, and for as long as it runs where pivot_root is forbidden. So there is an end to waiting, and
 * without index=on the kernel does not mind.
 */
const MOST_BUSY_MS = 50;

/** What mount(2) takes, with room for the NUL. */
const MOST_OPTION_BYTES = 4095;

/** The kernel's own limit (OVL_MAX_STACK). */
const MOST_LOWERS = 500;

function mountStack(
  lowers: readonly string[],
  { target, flags, options }: {
    readonly target: BytePath;
    readonly flags: number;
    readonly options: readonly Option[];
  },
): void {
  const text = [["lowerdir", lowers.join(":")], ...options].map((option) => option.join("=")).join(",");
  if (text.length <= MOST_OPTION_BYTES) {
    mount({ source: "overlay", target, type: "overlay", flags, options: text });
    return;
  }
  // Some 220 layers: one option a layer, which the kernel knows since 6.5.
  const parts = lowers.map((path): Option => ["lowerdir+", path]);
  if (lowers.length > MOST_LOWERS) throw new TooManyLowers();
  try {
    mountByParts({ type: "overlay", target, flags, options: [...parts, ...options] });
  } catch (error) {
    throw error instanceof SysError && error.subject === "lowerdir+" ? new TooManyLowers() : error;
  }
}
