/**
 * The directory of one build, and of what builds share.
 *
 * Below the state directory: `builds/<id>` belongs to one running build, which holds a lock on it; `cache-mounts` is
 * shared by all. A build that was killed cannot clean up, but its lock is gone: the next build removes its directory.
 *
 * @module
 */
import { KilnError } from "../errors.ts";
import { type BytePath, bytePathOf } from "../io/byte_path.ts";
import { describeErrno, errnoOfDeno, SysError } from "../sys/errno.ts";
import * as files from "../sys/file.ts";
import { killProcessesRootedBelow } from "../sys/kill_processes.ts";
import { statOf } from "../sys/stat.ts";
import { recoverRoot } from "../tree/container_root.ts";
import { reclaimTrees } from "../tree/lent_tree.ts";
import { removeTree } from "../tree/remove.ts";

/** The directory, in that of a build, from which a container's root can be put back (`tree/container_root.ts`). */
export const ROOT_EXCHANGE = "root-exchange";

/** Directories of a build. */
export class WorkDirectory implements Disposable {
  /** What it is in, for all builds. */
  readonly state: string;
  /** Belongs to this build alone. */
  readonly path: string;
  /** Holds the contents of cache mounts, for all builds. */
  readonly cacheMounts: string;
  readonly #lock: number;
  /** One of the same build in another file system. */
  #near: WorkDirectory | undefined;

  private constructor(state: string, path: string, lock: number) {
    this.state = state;
    this.path = path;
    this.cacheMounts = `${state}/cache-mounts`;
    this.#lock = lock;
  }

  /**
   * Makes the directories of a new build below `state`, and removes those of dead ones.
   *
   * @throws {KilnError} kind `disk`, naming the flag, if the place cannot be written.
   */
  static create(state: string): WorkDirectory {
    try {
      Deno.mkdirSync(`${state}/builds`, { recursive: true, mode: 0o700 });
      Deno.mkdirSync(`${state}/cache-mounts`, { recursive: true, mode: 0o700 });
      return lockingBuilds(state, () => {
        removeDead(state);
        const path = Deno.makeTempDirSync({ dir: `${state}/builds`, prefix: "build-" });
        const lock = lockOf(path);
        if (lock === undefined) throw new Error("Unreachable: the lock of a new directory is taken");
        return new WorkDirectory(state, path, lock);
      });
    } catch (error) {
      if (error instanceof KilnError) throw error;
      throw new KilnError("disk", `Cannot use the work directory "${state}": ${reasonOf(error)}`, {
        cause: error,
        hint: "name a directory that can be written with --work-dir",
      });
    }
  }

  /** Removes what dead builds have left below `state`, and puts back what they had put aside; makes nothing there. */
  static cleanUp(state: string): void {
    try {
      lockingBuilds(state, () => removeDead(state));
    } catch (error) {
      // There is none, or it is somebody else's.
      if (!(error instanceof SysError && error.is("ENOENT", "ENOTDIR", "EACCES"))) throw error;
    }
  }

  /** Makes a directory of the build. */
  makeDirectory(name: string): string {
    const path = `${this.path}/${name}`;
    Deno.mkdirSync(path, { mode: 0o755 });
    return path;
  }

  /**
   * Returns this directory, or one more of the build, from which files can be renamed to those in `root`.
   *
   * @param states where that may be, when this one is in another file system.
   */
  near(root: string, states: readonly string[]): WorkDirectory {
    if (canRename(this.path, root)) return this;
    for (const state of states) {
      const near = tryCreate(state);
      if (near === undefined) continue;
      if (canRename(near.path, root)) return this.#near = near;
      near[Symbol.dispose]();
    }
    throw new KilnError("disk", `Cannot make a work directory in the file system of "${root}"`);
  }

  /** Removes everything of this build. @throws {KilnError} if files of this container are in it that cannot go back */
  [Symbol.dispose](): void {
    try {
      this.#near?.[Symbol.dispose]();
      recoverRoot(bytePathOf(`${this.path}/${ROOT_EXCHANGE}`));
      // None is left, unless taking it home failed.
      reclaimTrees(bytePathOf(this.cacheMounts), bytePathOf(this.path));
      removeWhileOthersEnd(bytePathOf(this.path));
    } finally {
      files.close(this.#lock);
    }
  }
}

function tryCreate(state: string): WorkDirectory | undefined {
  try {
    return WorkDirectory.create(state);
  } catch (error) {
    if (error instanceof KilnError && error.kind === "disk") return undefined;
    throw error;
  }
}

/** Whether a directory is in the same mount as another one, which is all that the kernel renames between. */
function canRename(from: string, to: string): boolean {
  const name = bytePathOf(`.kiln-${crypto.randomUUID()}`);
  return files.withDirectory(bytePathOf(from), (source) =>
    files.withDirectory(bytePathOf(to), (target) => {
      const { mtimeSec, mtimeNsec } = statOf(target);
      files.makeDirectory(source, name, 0o700);
      try {
        files.renameAt({ directory: source, name }, { directory: target, name });
      } catch (error) {
        if (!(error instanceof SysError)) throw error;
        files.removeDirectoryAt(source, name);
        return false;
      }
      files.removeDirectoryAt(target, name);
      files.setTimeOf(target, { sec: mtimeSec, nsec: mtimeNsec });
      return true;
    }));
}

/** A terminated Worker finishes the system call it is in: one that makes a file fails the removal of its directory. */
function removeWhileOthersEnd(path: BytePath): void {
  for (let attempt = 1;; attempt++) {
    try {
      removeTree(files.AT_FDCWD, path);
      return;
    } catch (error) {
      if (!(error instanceof SysError && error.is("ENOTEMPTY")) || attempt === MOST_ATTEMPTS) throw error;
      pause(ATTEMPT_MS);
    }
  }
}

/** One second in all; a Worker is gone within milliseconds. */
const [MOST_ATTEMPTS, ATTEMPT_MS] = [200, 5] as const;

function pause(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

/** Deno's texts name its own calls; the number in them is the kernel's. */
function reasonOf(error: unknown): string {
  const errno = errnoOfDeno(error);
  if (errno !== undefined) return describeErrno(errno);
  return error instanceof Error ? error.message : String(error);
}

/** Locks a build's directory, or returns undefined if its build is alive. */
function lockOf(path: string): number | undefined {
  const fd = files.openAt(files.AT_FDCWD, bytePathOf(path), files.O.RDONLY | files.O.DIRECTORY);
  if (files.tryLock(fd, "exclusive")) return fd;
  files.close(fd);
  return undefined;
}

/** Until a new directory has its lock, another build would take it for a dead one's. */
function lockingBuilds<T>(state: string, action: () => T): T {
  return files.withDirectory(bytePathOf(`${state}/builds`), (builds) => {
    while (!files.tryLock(builds, "exclusive")) pause(10);
    return action();
  });
}

function removeDead(state: string): void {
  const builds = `${state}/builds`;
  for (const entry of Deno.readDirSync(builds)) {
    if (!entry.isDirectory) continue;
    try {
      const lock = lockOf(`${builds}/${entry.name}`);
      if (lock === undefined) continue;
      // Where there was neither a process namespace nor a guardian, daemons of its commands outlive a killed builder.
      const path = bytePathOf(Deno.realPathSync(`${builds}/${entry.name}`));
      killProcessesRootedBelow(path);
      recoverRoot(`${path}/${ROOT_EXCHANGE}`);
      // Nor may it have mounts: its caches may be in it.
      reclaimTrees(bytePathOf(`${state}/cache-mounts`), path);
      removeTree(files.AT_FDCWD, path);
      files.close(lock);
    } catch (error) {
      // Another build may clean up at the same time; and what is left may belong to ids of a user namespace that this
      // one does not have.
      if (!(error instanceof SysError && error.is("ENOENT", "ENOTEMPTY", "EACCES", "EPERM"))) throw error;
    }
  }
}
