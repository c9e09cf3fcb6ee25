/**
 * Mount points in a rootfs: found, or made for the time of one command.
 *
 * An image need not have /proc, /etc/resolv.conf or the target of a `--mount`. What is made here is removed after the
 * command if it is still empty, and the times of its parent are as before, so that it never reaches a layer
 * (dockerfile.md 3.2).
 *
 * @module
 */
import { KilnError } from "../errors.ts";
import { type BytePath, displayPath } from "../io/byte_path.ts";
import { listDirectory } from "../sys/directory.ts";
import { SysError } from "../sys/errno.ts";
import * as files from "../sys/file.ts";
import { isDirectory, S, type Stat, statAt, tryStatAt } from "../sys/stat.ts";
import { splitPath } from "../tree/open_directories.ts";
import { realPathIn } from "../tree/real_path.ts";

/** One entry that was made. */
interface Stub {
  readonly path: BytePath;
  readonly kind: "file" | "directory";
  /** The parent's status before, and right after the stub was made. */
  readonly parentBefore: Stat;
  readonly parentAfter: Stat;
}

/** Mount points of one command. */
export class MountPoints {
  readonly #root: number;
  readonly #stubs: Stub[] = [];

  /** @param root descriptor of the rootfs; stays the caller's. */
  constructor(root: number) {
    this.#root = root;
  }

  /**
   * Makes sure that there is something to mount on, and returns its path inside the rootfs without symlinks.
   *
   * @throws {KilnError} kind `run`, if something of the other kind is there, or the target is the root.
   */
  ensure(target: BytePath, kind: "file" | "directory"): BytePath {
    try {
      return this.#ensure(target, kind);
    } catch (error) {
      if (!(error instanceof SysError)) throw error;
      throw new KilnError("run", `Cannot mount on "${displayPath(target)}": ${error.message}`, { cause: error });
    }
  }

  /** Removes what was made and is still empty. To be called when nothing is mounted any more. */
  remove(): void {
    for (const stub of this.#stubs.toReversed()) this.#removeStub(stub);
    this.#stubs.length = 0;
  }

  #ensure(target: BytePath, kind: "file" | "directory"): BytePath {
    const { path, stat } = realPathIn(this.#root, target);
    if (path === "") throw new KilnError("dockerfile", "Cannot mount on the root directory");
    if (stat === undefined) this.#make(path, kind);
    else if (isDirectory(stat) !== (kind === "directory")) {
      const found = isDirectory(stat) ? "a directory" : "not a directory";
      throw new KilnError("dockerfile", `Cannot mount on "${displayPath(target)}": it is ${found}`);
    }
    return `/${path}`;
  }

  #make(path: BytePath, kind: "file" | "directory"): void {
    const { parent } = splitPath(path);
    if (parent !== "" && tryStatAt(this.#root, parent) === undefined) this.#make(parent, "directory");
    const parentName = parent === "" ? "." : parent;
    const parentBefore = statAt(this.#root, parentName);
    if (kind === "directory") files.makeDirectory(this.#root, path, 0o755);
    else files.makeNode(this.#root, path, { mode: S.IFREG | 0o644, major: 0, minor: 0 });
    this.#stubs.push({ path, kind, parentBefore, parentAfter: statAt(this.#root, parentName) });
  }

  #removeStub(stub: Stub): void {
    const parentPath = splitPath(stub.path).parent || ".";
    const parent = tryStatAt(this.#root, parentPath);
    const found = tryStatAt(this.#root, stub.path);
    if (parent === undefined || found === undefined || !this.#isEmpty(stub, found)) return;
    if (stub.kind === "directory") files.removeDirectoryAt(this.#root, stub.path);
    else files.unlinkAt(this.#root, stub.path);
    // If the command left the parent alone it looks as before; else it keeps the time the command gave it.
    const untouched = parent.mtimeSec === stub.parentAfter.mtimeSec && parent.mtimeNsec === stub.parentAfter.mtimeNsec;
    const time = untouched ? stub.parentBefore : parent;
    files.setTime(this.#root, parentPath, { sec: time.mtimeSec, nsec: time.mtimeNsec });
  }

  #isEmpty(stub: Stub, found: Stat): boolean {
    if (stub.kind === "file") return (found.mode & S.IFMT) === S.IFREG && found.size === 0;
    if (!isDirectory(found)) return false;
    const fd = files.openAt(this.#root, stub.path, files.O.RDONLY | files.O.DIRECTORY | files.O.NOFOLLOW);
    try {
      return listDirectory(fd).length === 0;
    } finally {
      files.close(fd);
    }
  }
}
