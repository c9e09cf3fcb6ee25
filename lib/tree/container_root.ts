/**
 * The root of the container we are in, lent to one command at a time.
 *
 * Where the kernel allows neither mounts nor chroot, a command can only run where we are ourselves. For its time the
 * container's own files are put aside, and the tree of its stage takes their place; afterwards both go back. So between
 * commands the root is as it was, a tree is a plain directory that is unpacked to, copied to and scanned like any other,
 * and it makes no difference to either what is mounted in the container.
 *
 * What stays where it is: every mount, whatever its path (kaniko.md 4.3), and the places named in `kept`, which are ours.
 * What the tree has at such a place stays in the tree, unseen by the command.
 *
 * A record on disk says how far an exchange has come, so that whoever finds the remains of a killed build can end it.
 *
 * @module
 */
import { KilnError } from "../errors.ts";
import { type BytePath, displayPath } from "../io/byte_path.ts";
import { listDirectory } from "../sys/directory.ts";
import { SysError } from "../sys/errno.ts";
import * as files from "../sys/file.ts";
import { readMounts } from "../sys/mount_info.ts";
import { openInRoot, tryOpenInRoot } from "../sys/resolve.ts";
import { inodeKey, isDirectory, isFile, isSymlink, statAt, statOf, tryStatAt } from "../sys/stat.ts";
import { nextTick } from "./clock_tick.ts";
import { KeptPaths } from "./kept_paths.ts";
import { copyDirectoryMeta, moveIn, moveOut, tryOpenBehind } from "./move_tree.ts";
import { splitPath } from "./open_directories.ts";
import { reach } from "./reach.ts";
import { realPathIn } from "./real_path.ts";
import { readRecord, writeRecord } from "./record_file.ts";
import { removeTree } from "./remove.ts";

/** Something that stays. */
interface KeptPlace {
  /** Relative to the root, without symlinks. */
  readonly path: BytePath;
  /** A descriptor of it: a command may rename it. Of a mount its id, which stays, too. */
  readonly by: { readonly kind: "descriptor"; readonly fd: number } | { readonly kind: "mount"; readonly id: MountId };
}

/**
 * What tells a mount from others: its number, and what is mounted. A container that was started again has new mounts,
 * with numbers that the kernel has given to others before.
 */
type MountId = string;

/** What `enter` did, for `leave`. */
export interface Entered {
  readonly tree: BytePath;
  /** The ctime of files that were moved one by one, when they had been moved. */
  readonly moved: ReadonlyMap<BytePath, string>;
  /** Paths of the tree that the command does not see. */
  readonly covered: readonly BytePath[];
}

/** How far an exchange has come; who finds it ends what it says. */
interface Record {
  readonly phase: "clearing" | "entered" | "restoring";
  readonly root: BytePath;
  readonly kept: readonly BytePath[];
  readonly mounts: readonly { readonly id: MountId; readonly path: BytePath }[];
  /** The tree that is in the root. */
  readonly tree?: BytePath;
}

const RECORD = "exchange";

/**
 * Ends an exchange that a killed build left half done, if `directory` has one.
 *
 * @throws {KilnError} kind `disk`, if that is not possible; nothing in `directory` may be removed then.
 */
export function recoverRoot(directory: BytePath): void {
  if (tryStatAt(files.AT_FDCWD, directory) === undefined) return;
  const record = readRecord<Record>(directory, RECORD);
  if (record === undefined) return;
  const { root, kept, mounts } = record;
  const homes = mounts.map(({ id, path }): KeptPlace => ({ path, by: { kind: "mount", id } }));
  using place = new ContainerRoot(root, directory, [...homes, ...openAll(root, kept)]);
  try {
    place.recover(record);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new KilnError("disk", `Cannot put back the files of this container that a killed build put aside: ${why}`, {
      cause: error,
      hint: `they are in "${displayPath(directory)}"; a new container has its own`,
    });
  }
}

/** Where it is, and what stays in it. */
export interface ContainerRootOptions {
  /** A directory in the root's file system that is kept; the record and what is put aside are in it. */
  readonly directory: BytePath;
  /** What is ours, relative to the root; mounts are kept anyhow. */
  readonly kept: readonly BytePath[];
  /** Says that somebody made sure that the root of this very process may be emptied; no other needs it. */
  readonly isClaimed?: true;
}

/** A root to lend. */
export class ContainerRoot implements Disposable {
  readonly #path: BytePath;
  readonly #directory: BytePath;
  readonly #kept: readonly KeptPlace[];
  readonly #root: number;
  readonly #aside: number;

  /** Use `open`. */
  constructor(path: BytePath, directory: BytePath, kept: readonly KeptPlace[]) {
    this.#path = path;
    this.#directory = directory;
    this.#kept = kept;
    this.#root = files.openDirectory(path);
    this.#aside = files.openDirectory(`${directory}/aside`);
  }

  /** Makes a root ready: finds out what is mounted in it and opens what is ours. @throws {SysError} */
  static open(path: BytePath, { directory, kept, isClaimed }: ContainerRootOptions): ContainerRoot {
    const [inode, ours] = [path, "/"].map((root) => inodeKey(files.withDirectory(root, statOf)));
    if (inode === ours && isClaimed !== true) {
      throw new Error("Unreachable: nobody has claimed the root of this process");
    }
    const mounted = mountsBelow(path).map(({ id, path }): KeptPlace => ({ path, by: { kind: "mount", id } }));
    const all = [...mounted, ...openAll(path, kept)];
    for (const name of ["aside", "lost"]) makeMissing(files.AT_FDCWD, `${directory}/${name}`, 0o700);
    const place = new ContainerRoot(path, directory, all);
    const own = files.withDirectory(directory, (fd) => below(path, pathOf(fd)));
    if (own === undefined || KeptPaths.of(place.places).covering(own) !== undefined) return place;
    throw new Error("Unreachable: what is put aside would be put aside");
  }

  [Symbol.dispose](): void {
    for (const { by } of this.#kept) if (by.kind === "descriptor") files.close(by.fd);
    files.close(this.#aside);
    files.close(this.#root);
  }

  /** Paths of what stays, relative to the root. */
  get places(): readonly BytePath[] {
    return this.#kept.map(({ path }) => path);
  }

  /** Puts the container's own files aside and a tree in their place. @throws {SysError} */
  enter(tree: BytePath): Entered {
    copyDirectoryMeta(this.#root, this.#aside, statOf(this.#root));
    this.#write({ phase: "clearing" });
    const elsewhere = (): number => this.#openLost();
    files.withDirectory(`${this.#directory}/lost`, (workshop) => {
      moveOut(this.#root, this.#aside, { kept: this.#keptNow(), workshop, elsewhere });
    });
    this.#write({ phase: "entered", tree });
    return files.withDirectory(tree, (source) => {
      this.#relocate(source, this.#keptNow(), "");
      const moved: BytePath[] = [];
      const covered: BytePath[] = [];
      moveIn(source, this.#root, {
        kept: this.#keptNow(),
        plain: true,
        moved: (path, { directory, name }) => {
          if (isFile(statAt(directory, name))) moved.push(path);
        },
        covered: (path) => covered.push(path),
      });
      // What the command writes must get another ctime than what was moved just now.
      nextTick(this.#root);
      return { tree, covered, moved: new Map(moved.map((path) => [path, this.#changeTime(path)])) };
    });
  }

  /**
   * Takes the tree out again and puts the container's own files back.
   *
   * @returns `restored`: files that were moved one by one and that the command left alone, so that their ctime means
   *   nothing; `lost`: directories that the tree has no place for.
   * @throws {KilnError} kind `run`, if the command has made that impossible.
   */
  leave({ tree, moved }: Entered): { readonly restored: readonly BytePath[]; readonly lost: readonly BytePath[] } {
    const restored: BytePath[] = [];
    const lost: BytePath[] = [];
    // First of all, for it says what was removed.
    const kept = this.#keptNow();
    if (tryStatAt(files.AT_FDCWD, tree) === undefined) throw removed(tree);
    files.withDirectory(tree, (target) => {
      moveOut(this.#root, target, {
        kept,
        moving: (path) => {
          const before = moved.get(path);
          if (before !== undefined && before === this.#changeTime(path)) restored.push(path);
        },
        elsewhere: (path) => tryOpenBehind(target, path) ?? this.#lose(path, lost),
      });
    });
    this.#bringHome();
    this.#write({ phase: "restoring" });
    this.#restore();
    return { restored, lost };
  }

  /** Ends what a record says was begun. */
  recover({ phase, tree }: Record): void {
    if (phase !== "entered" || tree === undefined) return this.#restore();
    // A build that could not put it back has removed its stages since: nobody needs what is in the root.
    const isThere = tryStatAt(files.AT_FDCWD, tree) !== undefined;
    this.leave({ tree: isThere ? tree : this.#makeLost(), moved: new Map(), covered: [] });
  }

  #restore(): void {
    moveIn(this.#aside, this.#root, { kept: this.#keptNow(), plain: false });
    removeTree(files.AT_FDCWD, `${this.#directory}/${RECORD}`);
  }

  /** What is kept, where it is now: a command may have renamed a directory around it. */
  #keptNow(): KeptPaths {
    return KeptPaths.of([...this.#places()].map(({ now }) => now));
  }

  /** Every kept place with its path now, and mounts that have come since we began. */
  *#places(): Generator<Whereabouts> {
    const mounts = new Map(mountsBelow(this.#path).map(({ id, path }) => [id, path]));
    for (const { path: home, by } of this.#kept) {
      if (by.kind === "mount") {
        const now = mounts.get(by.id);
        if (now !== undefined) yield { home, now };
        mounts.delete(by.id);
        continue;
      }
      const now = below(this.#path, pathOf(by.fd));
      if (now === undefined) throw removed(`/${home}`);
      yield { home, now };
    }
    for (const now of mounts.values()) yield { home: now, now };
  }

  /**
   * A symlink of the tree where a directory with a mount in it is: the directory goes where the link leads, as if the
   * mount had been made in the tree. Pods have a mount in /var/run, images a link there.
   */
  #relocate(tree: number, kept: KeptPaths, path: BytePath): void {
    for (const name of kept.names) {
      const inner = kept.below(name);
      const here = path === "" ? name : `${path}/${name}`;
      const stat = reach(tree, here, tryStatAt);
      if (inner === undefined || inner.isKept || stat === undefined) continue;
      if (isDirectory(stat)) this.#relocate(tree, inner, here);
      else if (isSymlink(stat)) this.#followLink(tree, here);
    }
  }

  #followLink(tree: number, path: BytePath): void {
    try {
      const { path: target, stat } = realPathIn(tree, path);
      const kept = this.#keptNow();
      if (target === "" || kept.covering(target) !== undefined || (stat !== undefined && !isDirectory(stat))) return;
      this.#moveAround(path, target, kept.at(path));
    } catch (error) {
      // A link that leads nowhere, or a place that another mount is in: it stays covered.
      if (!(error instanceof SysError)) throw error;
    }
  }

  /** Renames a directory with something kept in it, or else those in it. */
  #moveAround(from: BytePath, to: BytePath, kept: KeptPaths | undefined): void {
    try {
      if (tryStatAt(this.#root, to) === undefined) return this.#moveKept(from, to);
    } catch (error) {
      // It is a directory of a lower layer of the overlay that the root is.
      if (!(error instanceof SysError && error.is("EXDEV"))) throw error;
    }
    for (const name of kept?.names ?? []) this.#moveAround(`${from}/${name}`, `${to}/${name}`, kept?.below(name));
  }

  /** Puts back what is kept and is not where it was. */
  #bringHome(): void {
    for (;;) {
      const places = [...this.#places()];
      const strayed = places.find(({ home, now }) => home !== now);
      if (strayed === undefined) return;
      const refuse = (cause?: unknown) =>
        new KilnError("run", `Cannot go on: the command moved "/${displayPath(strayed.home)}" of this container`, {
          cause,
        });
      // Every round brings one home and none away.
      const way = waysHome(strayed).find((way) => leadsAllHome(way, places));
      if (way === undefined) throw refuse();
      try {
        this.#moveKept(way.from, way.to);
      } catch (error) {
        throw error instanceof SysError ? refuse(error) : error;
      }
    }
  }

  /** Renames a directory with something kept in it, and removes what held it and is empty then. */
  #moveKept(from: BytePath, to: BytePath): void {
    const parents = splitPath(to).parent.split("/").filter((name) => name !== "");
    parents.forEach((_, at) => {
      const parent = parents.slice(0, at + 1).join("/");
      makeMissing(this.#root, parent, 0o755);
    });
    files.renameAt({ directory: this.#root, name: from }, { directory: this.#root, name: to });
    for (let { parent } = splitPath(from); parent !== ""; { parent } = splitPath(parent)) {
      if (!isEmpty(this.#root, parent)) return;
      files.removeDirectoryAt(this.#root, parent);
    }
  }

  #changeTime(path: BytePath): string {
    return reach(this.#root, path, (directory, name) => {
      const { ctimeSec, ctimeNsec } = statAt(directory, name);
      return `${ctimeSec}.${ctimeNsec}`;
    });
  }

  #write(how: Pick<Record, "phase" | "tree">): void {
    const kept = this.#kept;
    const record: Record = {
      ...how,
      root: this.#path,
      kept: kept.flatMap(({ path, by }) => by.kind === "descriptor" ? [path] : []),
      mounts: kept.flatMap(({ path, by }) => by.kind === "mount" ? [{ id: by.id, path }] : []),
    };
    writeRecord(this.#directory, RECORD, record);
  }

  /** Opens a directory for what has no place in the tree, and notes it. */
  #lose(path: BytePath, lost: BytePath[]): number {
    lost.push(path);
    return this.#openLost();
  }

  #openLost(): number {
    return files.openDirectory(this.#makeLost());
  }

  #makeLost(): BytePath {
    const path = `${this.#directory}/lost/${crypto.randomUUID()}`;
    files.makeDirectory(files.AT_FDCWD, path, 0o700);
    return path;
  }
}

/** Mounts below a directory, by their paths relative to it. */
function mountsBelow(root: BytePath): readonly { readonly id: MountId; readonly path: BytePath }[] {
  return readMounts().flatMap(({ id, point, type, content }) => {
    const path = below(root, point);
    return path === undefined || path === "" ? [] : [{ id: `${id} ${type} ${content}`, path }];
  });
}

/** Returns a path relative to a directory, "" for itself; undefined for others, and for what was removed. */
function below(root: BytePath, path: BytePath): BytePath | undefined {
  if (path === root) return "";
  const prefix = root === "/" ? "/" : `${root}/`;
  // The kernel's marks for what has no name any more, in /proc/self/fd and in mountinfo.
  if (path.endsWith(" (deleted)") || path.endsWith("//deleted")) return undefined;
  return path.startsWith(prefix) ? path.slice(prefix.length) : undefined;
}

function openAll(root: BytePath, paths: readonly BytePath[]): readonly KeptPlace[] {
  return files.withDirectory(root, (fd) => paths.flatMap((path) => openKept(root, fd, path)));
}

/** Opens a place of ours; what is not there, or not below the root, need not be kept. */
function openKept(root: BytePath, rootFd: number, path: BytePath): readonly KeptPlace[] {
  const fd = tryOpenInRoot(rootFd, path, files.O.PATH);
  if (fd === undefined) return [];
  const real = below(root, pathOf(fd));
  if (real !== undefined && real !== "") return [{ path: real, by: { kind: "descriptor", fd } }];
  files.close(fd);
  if (real === "") throw new KilnError("usage", `Cannot build in place: "/${displayPath(path)}" is the root itself`);
  return [];
}

function removed(path: BytePath): KilnError {
  return new KilnError("run", `Cannot go on: the command removed "${displayPath(path)}" of this container`);
}

function pathOf(fd: number): BytePath {
  return files.readLink(files.AT_FDCWD, `/proc/self/fd/${fd}`);
}

/** Something kept: where it belongs, and where it is. */
interface Whereabouts {
  readonly home: BytePath;
  readonly now: BytePath;
}

interface Renaming {
  readonly from: BytePath;
  readonly to: BytePath;
}

/** The directories around it, or itself, that could be renamed to bring it home, the largest one first. */
function waysHome({ home, now }: Whereabouts): readonly Renaming[] {
  const [to, from] = [home.split("/"), now.split("/")];
  const ways = [{ from: now, to: home }];
  while (to.length > 1 && from.length > 1 && to.pop() === from.pop()) {
    ways.unshift({ from: from.join("/"), to: to.join("/") });
  }
  return ways;
}

function leadsAllHome({ from, to }: Renaming, places: readonly Whereabouts[]): boolean {
  return places.every(({ home, now }) => {
    return now === from ? home === to : !now.startsWith(`${from}/`) || home === to + now.slice(from.length);
  });
}

function makeMissing(directory: number, path: BytePath, mode: number): void {
  if (tryStatAt(directory, path) === undefined) files.makeDirectory(directory, path, mode);
}

function isEmpty(root: number, path: BytePath): boolean {
  const fd = openInRoot(root, path, files.O.RDONLY | files.O.DIRECTORY);
  try {
    return listDirectory(fd).length === 0;
  } finally {
    files.close(fd);
  }
}
