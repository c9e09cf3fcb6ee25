/**
 * Mount points in a rootfs: found, or made for the time of one command.
 *
 * An image need not have /proc, /etc/resolv.conf or the target of a `--mount`. What is made here is removed after the
 * command if it is still empty, and the times of its parent are as before, so that it never reaches a layer
 * (dockerfile.md 3.2).
 *
 * The command may put a symlink in the place of any directory (CVE-2024-23652, attack S40). So after it nothing is looked
 * up by path: what is made is removed by name from the very directory it was made in, which is kept open.
 *
 * @module
 */
import { KilnError } from "../errors.ts";
import { type BytePath, displayPath } from "../io/byte_path.ts";
import { listDirectory } from "../sys/directory.ts";
import { SysError } from "../sys/errno.ts";
import * as files from "../sys/file.ts";
import { openInRoot, tryStatInRoot } from "../sys/resolve.ts";
import { isDirectory, S, type Stat, statOf, tryStatAt } from "../sys/stat.ts";
import { splitPath } from "../tree/open_directories.ts";
import { realPathIn } from "../tree/real_path.ts";

/** One entry that was made. */
interface Stub {
  /** Descriptor of the directory it is in. */
  readonly directory: number;
  readonly name: BytePath;
  readonly kind: "file" | "directory";
  /** The parent's status before, and right after the stub was made. */
  readonly parentBefore: Stat;
  readonly parentAfter: Stat;
}

/** Mount points of one command. */
export class MountPoints {
  readonly #root: number;
  readonly #under: BytePath;
  readonly #stubs: Stub[] = [];

  /**
   * @param root descriptor of the rootfs, or of what is mounted at `under`; stays the caller's.
   * @param under goes in front of paths in messages.
   */
  constructor(root: number, under: BytePath = "") {
    this.#root = root;
    this.#under = under;
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
      throw new KilnError("run", `Cannot mount on "${this.#shown(target)}": ${error.message}`, { cause: error });
    }
  }

  /** Leaves what was made where it is. */
  keep(): void {
    for (const { directory } of this.#stubs.splice(0)) files.close(directory);
  }

  /** Removes what was made and is still empty. To be called when nothing is mounted any more. */
  remove(): void {
    try {
      for (const stub of this.#stubs.toReversed()) removeStub(stub);
    } finally {
      for (const { directory } of this.#stubs.splice(0)) files.close(directory);
    }
  }

  #shown(target: BytePath): string {
    return displayPath(this.#under + target);
  }

  #ensure(target: BytePath, kind: "file" | "directory"): BytePath {
    const { path, stat } = realPathIn(this.#root, target);
    if (path === "") throw new KilnError("dockerfile", "Cannot mount on the root directory");
    if (stat === undefined) this.#make(path, kind);
    else if (isDirectory(stat) !== (kind === "directory")) {
      const found = isDirectory(stat) ? "a directory" : "not a directory";
      throw new KilnError("dockerfile", `Cannot mount on "${this.#shown(target)}": it is ${found}`);
    }
    return `/${path}`;
  }

  #make(path: BytePath, kind: "file" | "directory"): void {
    const { parent, name } = splitPath(path);
    if (tryStatInRoot(this.#root, parent) === undefined) this.#make(parent, "directory");
    const directory = openInRoot(this.#root, parent, files.O.RDONLY | files.O.DIRECTORY);
    try {
      const parentBefore = statOf(directory);
      if (kind === "directory") files.makeDirectory(directory, name, 0o755);
      else files.makeNode(directory, name, { mode: S.IFREG | 0o644, major: 0, minor: 0 });
      this.#stubs.push({ directory, name, kind, parentBefore, parentAfter: statOf(directory) });
    } catch (error) {
      files.close(directory);
      throw error;
    }
  }
}

function removeStub(stub: Stub): void {
  const { directory, name, parentAfter, parentBefore } = stub;
  const parent = statOf(directory);
  const found = tryStatAt(directory, name);
  if (found === undefined || !isEmpty(stub, found)) return;
  if (stub.kind === "directory") files.removeDirectoryAt(directory, name);
  else files.unlinkAt(directory, name);
  // If the command left the parent alone it looks as before; else it keeps the time the command gave it.
  const untouched = parent.mtimeSec === parentAfter.mtimeSec && parent.mtimeNsec === parentAfter.mtimeNsec;
  const time = untouched ? parentBefore : parent;
  files.setTimeOf(directory, { sec: time.mtimeSec, nsec: time.mtimeNsec });
}

function isEmpty({ directory, name, kind }: Stub, found: Stat): boolean {
  if (kind === "file") return (found.mode & S.IFMT) === S.IFREG && found.size === 0;
  if (!isDirectory(found)) return false;
  const fd = files.openAt(directory, name, files.O.RDONLY | files.O.DIRECTORY | files.O.NOFOLLOW);
  try {
    return listDirectory(fd).length === 0;
  } finally {
    files.close(fd);
  }
}
