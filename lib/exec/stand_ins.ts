/**
 * Mounts where the host allows none: what would be mounted is put in place for the time of the command, and taken out
 * again (decisions 9).
 *
 * What was there is moved aside and back, so that it is the same inode afterwards. Caches are moved, so what a command
 * leaves in them stays; everything else that is put in place is thrown away. Between the two the times of the parent
 * are kept as in `mount_points.ts`.
 *
 * @module
 */
import type { WorkerPool } from "../async/worker_pool.ts";
import { KilnError } from "../errors.ts";
import { type BytePath, displayPath } from "../io/byte_path.ts";
import { SysError } from "../sys/errno.ts";
import * as files from "../sys/file.ts";
import { isDirectory, type Stat, statAt, tryStatAt } from "../sys/stat.ts";
import { copyEntry } from "../tree/copy_entry.ts";
import { splitPath } from "../tree/open_directories.ts";
import { realPathIn } from "../tree/real_path.ts";
import { removeTree } from "../tree/remove.ts";
import type { Jobs } from "../worker.ts";
import { MountPoints } from "./mount_points.ts";
import type { BindMount, PreparedMount } from "./spec.ts";

/** What stands in for one mount. */
interface StandIn {
  /** Relative to the rootfs. */
  readonly path: BytePath;
  /** Where what was there before has been moved. */
  readonly aside: BytePath | undefined;
  /** Where it goes back to afterwards: a cache. */
  readonly home: BytePath | undefined;
  readonly parentBefore: Stat;
  readonly parentAfter: Stat;
}

/** Where a rootfs is and what is needed to fill it. */
export interface StandInsOptions {
  /** Descriptor of the rootfs; stays the caller's. */
  readonly root: number;
  /** A directory in the same file system, removed after the command. */
  readonly scratch: BytePath;
  readonly pool: WorkerPool<Jobs>;
}

/** The stand-ins of one command. */
export class StandIns {
  readonly #options: StandInsOptions;
  readonly #parents: MountPoints;
  readonly #placed: StandIn[] = [];

  constructor(options: StandInsOptions) {
    this.#options = options;
    this.#parents = new MountPoints(options.root);
  }

  /** Puts one mount's content in place. @throws {KilnError} if the target is the root or cannot be made */
  async place(mount: PreparedMount): Promise<void> {
    try {
      await this.#place(mount);
    } catch (error) {
      if (!(error instanceof SysError)) throw error;
      const target = displayPath(mount.target);
      throw new KilnError("run", `Cannot put the mount "${target}" in place: ${error.message}`, { cause: error });
    }
  }

  /** Makes a device node; a host that does not allow it leaves the command without. */
  makeDevice(path: BytePath, node: { readonly mode: number; readonly major: number; readonly minor: number }): boolean {
    const { root } = this.#options;
    if (realPathIn(root, path).stat !== undefined) return true;
    this.#parents.ensure(`/${splitPath(path).parent}`, "directory");
    const parentBefore = this.#parentOf(path);
    try {
      files.makeNode(root, path, node);
    } catch (error) {
      if (error instanceof SysError && error.is("EPERM")) return false;
      throw error;
    }
    // The node's permissions must not depend on our umask.
    files.changeMode(root, path, node.mode & 0o7777);
    const parentAfter = this.#parentOf(path);
    this.#placed.push({ path, aside: undefined, home: undefined, parentBefore, parentAfter });
    return true;
  }

  /** Takes everything out again, and returns the paths of what was moved away and is back, the same as before. */
  remove(): readonly BytePath[] {
    const { root } = this.#options;
    const restored: BytePath[] = [];
    for (const { path, aside, home, parentBefore, parentAfter } of this.#placed.toReversed()) {
      const parentPath = splitPath(path).parent || ".";
      const parent = tryStatAt(root, parentPath);
      if (parent === undefined || !isDirectory(parent)) continue; // the command removed it all
      if (home !== undefined && tryStatAt(root, path) !== undefined) {
        files.renameAt({ directory: root, name: path }, { directory: files.AT_FDCWD, name: home });
      }
      removeTree(root, path);
      if (aside !== undefined) {
        files.renameAt({ directory: files.AT_FDCWD, name: aside }, { directory: root, name: path });
        restored.push(path);
      }
      const untouched = parent.mtimeSec === parentAfter.mtimeSec && parent.mtimeNsec === parentAfter.mtimeNsec;
      const time = untouched ? parentBefore : parent;
      files.setTime(root, parentPath, { sec: time.mtimeSec, nsec: time.mtimeNsec });
    }
    this.#placed.length = 0;
    this.#parents.remove();
    return restored;
  }

  async #place(mount: PreparedMount): Promise<void> {
    const { root, scratch } = this.#options;
    const { path, stat } = realPathIn(root, mount.target);
    if (path === "") throw new KilnError("dockerfile", "Cannot mount on the root directory");
    const { parent } = splitPath(path);
    if (parent !== "") this.#parents.ensure(`/${parent}`, "directory");
    const parentBefore = this.#parentOf(path);
    const aside = stat === undefined ? undefined : `${scratch}/${crypto.randomUUID()}`;
    if (aside !== undefined) {
      files.renameAt({ directory: root, name: path }, { directory: files.AT_FDCWD, name: aside });
    }
    const home = mount.kind === "bind" && mount.isCache === true ? mount.source : undefined;
    this.#placed.push({ path, aside, home, parentBefore, parentAfter: parentBefore });
    if (mount.kind === "tmpfs") files.makeDirectory(root, path, 0o755);
    else await this.#fill(mount, path);
    const last = this.#placed.pop();
    if (last !== undefined) this.#placed.push({ ...last, parentAfter: this.#parentOf(path) });
  }

  async #fill(mount: BindMount, path: BytePath): Promise<void> {
    const { root, pool } = this.#options;
    if (mount.isCache === true) {
      // Caches and builds are in the same directory, so in the same file system.
      files.renameAt({ directory: files.AT_FDCWD, name: mount.source }, { directory: root, name: path });
      return;
    }
    if (mount.type === "directory") {
      files.makeDirectory(root, path, 0o755);
      const to = files.readLink(files.AT_FDCWD, `/proc/self/fd/${root}`);
      await pool.run("copyTree", { from: mount.source, to: `${to}/${path}` });
      return;
    }
    const stat = statAt(files.AT_FDCWD, mount.source);
    copyEntry({ directory: files.AT_FDCWD, name: mount.source, stat }, { directory: root, name: path }, stat);
  }

  #parentOf(path: BytePath): Stat {
    return statAt(this.#options.root, splitPath(path).parent || ".");
  }
}
