/**
 * Mounts where the host allows none: what would be mounted is put in place for the time of the command, and taken out
 * again (decisions 9).
 *
 * What was there is moved aside and back, so that it is the same inode afterwards. Caches are moved, so what a command
 * leaves in them stays, even if the builder is killed, or copied where they are in another file system; a cache that is
 * mounted twice is a symlink the second time.
 * Everything else that is put in place is thrown away. Between the two the times of the parent are kept as in
 * `mount_points.ts`.
 *
 * @module
 */
import type { WorkerPool } from "../async/worker_pool.ts";
import { KilnError } from "../errors.ts";
import { type BytePath, displayPath } from "../io/byte_path.ts";
import { SysError } from "../sys/errno.ts";
import * as files from "../sys/file.ts";
import { openInRoot, tryStatInRoot } from "../sys/resolve.ts";
import { inodeKey, isDirectory, isSocket, S, type Stat, statAt, statOf, tryStatAt } from "../sys/stat.ts";
import { copyEntry } from "../tree/copy_entry.ts";
import { ON_DISK } from "../tree/metadata_access.ts";
import { CACHE_TREE, LentTree } from "../tree/lent_tree.ts";
import { splitPath } from "../tree/open_directories.ts";
import { realPathIn } from "../tree/real_path.ts";
import { removeTree } from "../tree/remove.ts";
import type { Jobs } from "../worker.ts";
import { MountPoints } from "./mount_points.ts";
import { runAll } from "./run_all.ts";
import { type BindMount, type DeviceNode, NEW_MEMORY_MODE, type PreparedMount } from "./spec.ts";

/** What stands in for one mount. */
interface StandIn {
  /** Relative to the rootfs, when it was put there. */
  readonly path: BytePath;
  /** Descriptor of the directory it is in: after the command nothing is looked up by path (see `mount_points.ts`). */
  readonly directory: number;
  readonly name: BytePath;
  /** Where what was there before has been moved. */
  readonly aside: BytePath | undefined;
  /** A cache, which goes home afterwards. */
  readonly cache: PlacedCache | undefined;
  readonly parentBefore: Stat;
  readonly parentAfter: Stat;
}

/** A cache in its place. One in another file system than the rootfs is copied, not lent. */
type PlacedCache = { readonly kind: "lent"; readonly tree: LentTree } | {
  readonly kind: "copied";
  readonly home: BytePath;
};

/** Where a rootfs is and what is needed to fill it. */
export interface StandInsOptions {
  /** Descriptor of the rootfs; stays the caller's. */
  readonly root: number;
  /** A directory in the same file system, removed after the command. */
  readonly scratch: BytePath;
  readonly pool: WorkerPool<Jobs>;
}

function isNode(stat: Stat, { mode, major, minor }: Pick<DeviceNode, "mode" | "major" | "minor">): boolean {
  return ((stat.mode ^ mode) & S.IFMT) === 0 && stat.rdevMajor === major && stat.rdevMinor === minor;
}

/** The stand-ins of one command. */
export class StandIns {
  readonly #options: StandInsOptions;
  readonly #parents: MountPoints;
  readonly #placed: StandIn[] = [];
  /** Paths of caches by their homes. */
  readonly #caches = new Map<BytePath, { readonly path: BytePath; readonly cache: PlacedCache }>();

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

  /**
   * Makes a device node, or leaves there what is there; a host that does not allow it leaves the command without.
   *
   * @returns whether such a node is there now.
   */
  makeDevice(path: BytePath, node: Omit<DeviceNode, "path" | "source">): boolean {
    const { path: real, stat } = realPathIn(this.#options.root, path);
    if (stat !== undefined) return isNode(stat, node);
    const { parent, name } = splitPath(real);
    if (parent !== "") this.#parents.ensure(`/${parent}`, "directory");
    const directory = this.#openParent(real);
    const parentBefore = statOf(directory);
    try {
      files.makeNode(directory, name, node);
      // The node's permissions must not depend on our umask.
      files.changeMode(directory, name, node.mode & 0o7777);
      if (node.uid !== 0 || node.gid !== 0) files.changeOwner(directory, name, node);
    } catch (error) {
      files.close(directory);
      if (error instanceof SysError && error.is("EPERM")) return false;
      throw error;
    }
    const parentAfter = statOf(directory);
    this.#placed.push({ path: real, directory, name, aside: undefined, cache: undefined, parentBefore, parentAfter });
    return true;
  }

  /** Takes everything out again, and returns the paths of what was moved away and is back, the same as before. */
  async remove(): Promise<readonly BytePath[]> {
    const restored: BytePath[] = [];
    const takeOut = (placed: StandIn) => async () => {
      if (await this.#takeOut(placed)) restored.push(placed.path);
    };
    const placed = this.#placed.splice(0).toReversed();
    await runAll([
      ...placed.map(takeOut),
      () => this.#parents.remove(),
      ...placed.map(({ directory }) => () => files.close(directory)),
    ]);
    return restored;
  }

  /** Returns whether what was there before is back in its place. */
  async #takeOut({ path, directory, name, aside, cache, parentBefore, parentAfter }: StandIn): Promise<boolean> {
    const parent = statOf(directory);
    if (cache?.kind === "lent") cache.tree.takeHome({ directory, name });
    if (cache?.kind === "copied") await this.#copyHome(cache.home, { directory, name });
    if (parent.nlink === 0) return false; // the command removed the directory
    removeTree(directory, name);
    if (aside !== undefined) files.renameAt({ directory: files.AT_FDCWD, name: aside }, { directory, name });
    const untouched = parent.mtimeSec === parentAfter.mtimeSec && parent.mtimeNsec === parentAfter.mtimeNsec;
    const time = untouched ? parentBefore : parent;
    files.setTimeOf(directory, { sec: time.mtimeSec, nsec: time.mtimeNsec });
    const now = tryStatInRoot(this.#options.root, splitPath(path).parent);
    return aside !== undefined && now !== undefined && inodeKey(now) === inodeKey(parent);
  }

  async #place(mount: PreparedMount): Promise<void> {
    const { root, scratch } = this.#options;
    const { path, stat } = realPathIn(root, mount.target);
    if (path === "") throw new KilnError("dockerfile", "Cannot mount on the root directory");
    const { parent, name } = splitPath(path);
    if (parent !== "") this.#parents.ensure(`/${parent}`, "directory");
    const directory = this.#openParent(path);
    const parentBefore = statOf(directory);
    const aside = stat === undefined ? undefined : `${scratch}/${crypto.randomUUID()}`;
    try {
      if (aside !== undefined) {
        files.renameAt({ directory, name }, { directory: files.AT_FDCWD, name: aside });
      }
    } catch (error) {
      files.close(directory);
      throw error;
    }
    this.#placed.push({ path, directory, name, aside, cache: undefined, parentBefore, parentAfter: parentBefore });
    for (const { cache } of this.#caches.values()) if (cache.kind === "lent") cache.tree.note(path);
    let cache: PlacedCache | undefined;
    if (mount.kind === "tmpfs") this.#makeMemory(path, stat);
    // What is written to a read-only cache cannot be refused here; so that it is not kept, the cache is copied.
    else if (mount.isCache === true && !mount.readOnly) cache = await this.#placeCache(mount.source, path);
    else await this.#fill(mount, path);
    const last = this.#placed.pop();
    if (last !== undefined) this.#placed.push({ ...last, cache, parentAfter: statOf(directory) });
  }

  #makeMemory(path: BytePath, hidden: Stat | undefined): void {
    const { root } = this.#options;
    files.makeDirectory(root, path, 0o700);
    files.changeMode(root, path, hidden === undefined ? NEW_MEMORY_MODE : hidden.mode & 0o7777);
  }

  async #placeCache(tree: BytePath, path: BytePath): Promise<PlacedCache | undefined> {
    const { root } = this.#options;
    const known = this.#caches.get(tree);
    if (known !== undefined) {
      files.makeSymlink(`/${known.path}`, root, path);
      return undefined;
    }
    const cache = await this.#lend(splitPath(tree).parent, path);
    this.#caches.set(tree, { path, cache });
    return cache;
  }

  async #lend(home: BytePath, path: BytePath): Promise<PlacedCache> {
    const { root } = this.#options;
    try {
      return { kind: "lent", tree: LentTree.lend(home, { root, path }) };
    } catch (error) {
      if (!(error instanceof SysError && error.is("EXDEV"))) throw error;
    }
    await this.#copyDirectory(`${home}/${CACHE_TREE}`, path);
    return { kind: "copied", home };
  }

  /** Puts a copy of what the command has made of a cache in the place of the cache. */
  async #copyHome(
    home: BytePath,
    { directory, name }: { readonly directory: number; readonly name: BytePath },
  ): Promise<void> {
    const found = tryStatAt(directory, name);
    if (found === undefined || !isDirectory(found)) {
      removeTree(files.AT_FDCWD, home);
      return;
    }
    const fresh = `${home}.${crypto.randomUUID()}`;
    files.makeDirectory(files.AT_FDCWD, fresh, 0o700);
    const from = files.readLink(files.AT_FDCWD, `/proc/self/fd/${directory}`);
    await this.#options.pool.run("copyTree", { from: `${from}/${name}`, to: fresh });
    removeTree(files.AT_FDCWD, `${home}/${CACHE_TREE}`);
    const at = files.AT_FDCWD;
    files.renameAt({ directory: at, name: fresh }, { directory: at, name: `${home}/${CACHE_TREE}` });
  }

  async #fill(mount: BindMount, path: BytePath): Promise<void> {
    const { root } = this.#options;
    if (mount.type === "directory") return await this.#copyDirectory(mount.source, path);
    const stat = statAt(files.AT_FDCWD, mount.source);
    // Of a socket a copy is worth nothing; another name is as good as the one it was bound to.
    if (isSocket(stat)) {
      files.makeLink({ directory: files.AT_FDCWD, name: mount.source }, { directory: root, name: path });
      return;
    }
    const source = { directory: files.AT_FDCWD, name: mount.source, stat };
    // As commands see it: what stands in is in no layer.
    copyEntry(source, { directory: root, name: path }, { ...stat, metadata: ON_DISK });
  }

  async #copyDirectory(from: BytePath, path: BytePath): Promise<void> {
    const { root, pool } = this.#options;
    files.makeDirectory(root, path, 0o755);
    const to = files.readLink(files.AT_FDCWD, `/proc/self/fd/${root}`);
    await pool.run("copyTree", { from, to: `${to}/${path}` });
  }

  /** Opens the directory of a path that has no symlinks. */
  #openParent(path: BytePath): number {
    return openInRoot(this.#options.root, splitPath(path).parent, files.O.RDONLY | files.O.DIRECTORY);
  }
}
