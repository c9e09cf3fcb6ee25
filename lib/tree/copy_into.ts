/**
 * COPY and ADD: files and directories of a file tree into a rootfs, exactly as BuildKit places them (dockerfile.md 3.3).
 *
 * The rules that surprise: the contents of a directory are copied, never the directory itself; a source that is a
 * symlink is followed, symlinks inside a copied directory are not; the destination's symlinks are followed inside the
 * rootfs, its last component included; a new destination directory is 0755 and root's whatever the source was, a
 * nested one looks like its source, also when it existed.
 *
 * @module
 */
import { KilnError } from "../errors.ts";
import { type BytePath, displayPath } from "../io/byte_path.ts";
import type { ExpansionLimits } from "../io/expansion_limit.ts";
import { listDirectory } from "../sys/directory.ts";
import { explainSysError, SysError } from "../sys/errno.ts";
import * as files from "../sys/file.ts";
import { inodeKey, isDirectory, isFile, isSymlink, type Stat, statAt, tryStatAt } from "../sys/stat.ts";
import { isArchive, unpackArchive } from "./archive_file.ts";
import { applyMeta, copyEntry, type CopyMeans, type Target, UnreadableSource } from "./copy_entry.ts";
import type { FileTree } from "./file_tree.ts";
import { type IgnoreRules, parseIgnoreLines } from "./ignore.ts";
import { applyToNew } from "./make_directories.ts";
import { splitParentsSource } from "./parents_source.ts";
import { parsePatterns, Selection } from "./selection.ts";
import { hasWildcard, matchPath } from "./match_path.ts";
import type { Located } from "./metadata.ts";
import type { Metadata } from "./metadata_access.ts";
import { joinPath, OpenDirectories, type OpenDirectory, splitPath } from "./open_directories.ts";
import { isWhiteout } from "./overlay_marks.ts";
import { reach } from "./reach.ts";
import { cleanInRoot, realPathIn } from "./real_path.ts";

/** Returns the permission bits a copied entry gets, from those of its source. */
export type ModeChange = (mode: number, isDirectory: boolean) => number;

/** What to copy where. */
export interface CopyRequest {
  readonly from: FileTree;
  /** Paths or patterns in the tree, as written. */
  readonly sources: readonly BytePath[];
  /** The sources are paths; nothing in them is a wildcard. */
  readonly literal?: true;
  /** The rootfs. */
  readonly root: BytePath;
  /** Absolute; a trailing slash (or "/.") makes it a directory. */
  readonly destination: BytePath;
  /** Owner of everything that is made, instead of the source's. */
  readonly owner?: { readonly uid: number; readonly gid: number };
  readonly mode?: ModeChange;
  /** Permission bits (0777) of directories that are made on the way; default 0755. */
  readonly parentMode?: number;
  /** A file that is a tar, compressed or not, is unpacked instead of copied (ADD). */
  readonly unpack?: true;
  /** How far such a tar may expand; `DEFAULT_EXPANSION_LIMITS` unless told. */
  readonly expansion?: ExpansionLimits;
  /** Patterns of what is left out, relative to each source directory (`--exclude`). */
  readonly exclude?: readonly BytePath[];
  /** The directories a source is in are made as well (`--parents`). */
  readonly parents?: true;
}

/**
 * Copies. Nothing else may change either tree meanwhile.
 *
 * @throws {KilnError} kind `context` for a source that is missing, excluded or changing; kind `dockerfile` for a
 *   destination that does not fit.
 */
export async function copyInto(request: CopyRequest, metadata: Metadata): Promise<void> {
  // Read before anything is open: a rootfs that somebody holds open cannot be unmounted.
  const rules = rulesOf(request);
  const source = files.openDirectory(request.from.root);
  const root = files.openDirectory(request.root);
  const copy = new Copy(request, rules, { source, root, metadata });
  try {
    for (const written of request.sources) {
      if (request.parents) copy.withParents(written);
      else await copy.source(written);
    }
  } catch (error) {
    throw explainSysError(error, `copy to "${displayPath(request.destination)}"`, "dockerfile");
  } finally {
    copy.close();
    files.close(source);
    files.close(root);
  }
}

/** What a copy leaves out. */
interface CopyRules {
  readonly ignored: IgnoreRules | undefined;
  readonly excluded: IgnoreRules | undefined;
}

function rulesOf({ from: { ignore }, exclude }: CopyRequest): CopyRules {
  return {
    ignored: ignore === undefined ? undefined : parseIgnoreLines(ignore),
    excluded: exclude === undefined ? undefined : parsePatterns(exclude, "--exclude"),
  };
}

/** A source path that exists: as matched, and where it really is. */
interface Match {
  /** As written, or as the pattern matched: its last component names the copy. */
  readonly path: BytePath;
  readonly real: BytePath;
  readonly stat: Stat;
}

/** A source of `--parents`: as written, and the parts around the pivot. */
interface ParentsSource {
  readonly written: BytePath;
  readonly before: BytePath;
  readonly pattern: BytePath;
  /** There is no wildcard in it. */
  readonly isExact: boolean;
}

class Copy {
  readonly #request: CopyRequest;
  readonly #metadata: Metadata;
  readonly #source: number;
  readonly #root: number;
  readonly #rules: IgnoreRules | undefined;
  readonly #exclude: IgnoreRules | undefined;
  /** What the context has; without `--exclude`, whose patterns mean something else for every source. */
  readonly #present: Selection;
  readonly #sources: OpenDirectories;
  readonly #targets: OpenDirectories;
  /**
   * Inodes with several names of the source being copied, to the path of their first copy. Names stay linked inside
   * one source: what another source brings is a file of its own, and may replace what this one brought.
   */
  readonly #links = new Map<string, BytePath>();

  constructor(
    request: CopyRequest,
    { ignored, excluded }: CopyRules,
    { source, root, metadata }: { readonly source: number; readonly root: number; readonly metadata: Metadata },
  ) {
    this.#request = request;
    this.#metadata = metadata;
    this.#source = source;
    this.#root = root;
    this.#rules = ignored;
    this.#exclude = excluded;
    this.#sources = new OpenDirectories(source);
    this.#present = new Selection(this.#sources, { rules: this.#rules, base: "" });
    this.#targets = new OpenDirectories(root);
  }

  close(): void {
    this.#sources.forget();
    this.#targets.forget();
  }

  /** Copies what one source names. */
  async source(written: BytePath): Promise<void> {
    const isPattern = this.#request.literal !== true && hasWildcard(written);
    const matches = isPattern ? this.#matches(written) : [this.#exactly(written)];
    for (const match of matches) {
      this.#links.clear();
      if (isDirectory(match.stat)) this.#directory(match);
      else if (!await this.#unpacked(match)) this.#file(match);
    }
  }

  /** Copies what one source of `--parents` names, with the directories it is in. */
  withParents(written: BytePath): void {
    const { before, pattern } = splitParentsSource(written);
    const isExact = !hasWildcard(before) && !hasWildcard(pattern);
    const source = { written, before, pattern, isExact };
    if (isExact) this.#refuseUnreachable(source);
    const bases = hasWildcard(before) ? this.#matches(before) : [this.#exactly(before)];
    for (const base of bases) {
      this.#links.clear();
      if (isDirectory(base.stat)) this.#below(base, source);
      // There is nothing in it to match the rest with: as in BuildKit it is copied itself.
      else if (hasWildcard(before)) this.#file(base);
      else throw this.#missing(written, false);
    }
  }

  /**
   * What has no wildcards must be there, and BuildKit looks for it below the path as written: nothing stands for the
   * directory itself, and a symlink at the end of the part in front of the pivot has nothing below it.
   */
  #refuseUnreachable({ written, before, pattern }: ParentsSource): void {
    if (pattern === "") throw this.#missing(written, false, "without --parents, its content is copied");
    const { parent, name } = splitPath(cleanInRoot(before));
    const around = name === "" ? undefined : this.#resolve(parent);
    if (around === undefined || !isDirectory(around.stat)) return;
    const stat = tryStatAt(this.#openSource(around.path).fd, name);
    if (stat !== undefined && isSymlink(stat)) throw this.#missing(written, false);
  }

  #below(base: Match, { written, pattern, isExact }: ParentsSource): void {
    const place = realPathIn(this.#root, this.#request.destination);
    if (place.stat !== undefined && !isDirectory(place.stat)) throw this.#directoryOver(written, place.path);
    this.#makeParents(place.path);
    const found = this.#copyBelow({ base: base.real, pattern, target: place.path });
    if (!found && isExact) throw this.#missing(written, false);
    this.#takeTime(base, place.path);
  }

  /** Copies what matches a pattern below `base`. A directory on the way is made when something in it is. */
  #copyBelow({ base, pattern, target }: { base: BytePath; pattern: BytePath; target: BytePath }): boolean {
    // The empty one matches nothing.
    const wanted = parsePatterns([pattern], "the source of --parents");
    const selection = this.#selectionIn(base);
    const pending: { readonly source: BytePath; readonly target: BytePath; isNew?: boolean }[] = [];
    const makePending = (): void => {
      for (const directory of pending) directory.isNew ??= this.#makeNested(directory.source, directory.target);
    };
    let found = false;
    const walk = (source: BytePath, into: BytePath): void => {
      for (const name of listDirectory(this.#openSource(source).fd)) {
        const [from, to] = [joinPath(source, name), joinPath(into, name)];
        const directory = this.#openSource(source).fd;
        const stat = this.#metadata.statAt(directory, name);
        const matches = wanted.excludes(base === "" ? from : from.slice(base.length + 1));
        if (isDirectory(stat) ? selection.omitsAll(from) : !matches || selection.omits(from)) continue;
        if (!matches) {
          pending.push({ source: from, target: to });
          walk(from, to);
          const isNew = pending.pop()?.isNew;
          if (isNew !== undefined) this.#finishPassed(from, to, { stat, isNew });
          continue;
        }
        found = true;
        makePending();
        if (isDirectory(stat)) this.#nested(from, to, { stat, selection });
        else this.#entry({ directory: this.#openSource(source).fd, name, stat }, from, to);
      }
    };
    walk(base, target);
    return found;
  }

  #exactly(written: BytePath): Match {
    const path = cleanInRoot(written);
    const found = this.#resolve(path);
    if (found !== undefined && !this.#isHidden(path, found)) return { path, real: found.path, stat: found.stat };
    throw this.#missing(written, found !== undefined);
  }

  #resolve(path: BytePath): { path: BytePath; stat: Stat } | undefined {
    try {
      const { path: real, stat } = realPathIn(this.#source, path);
      if (stat === undefined) return undefined;
      return { path: real, stat: reach(this.#source, real, (at, name) => this.#metadata.statAt(at, name)) };
    } catch (error) {
      if (error instanceof SysError && error.is("ENOTDIR")) return undefined;
      throw error;
    }
  }

  /** An excluded directory is there after all if a rule may bring something in it back. */
  #isHidden(path: BytePath, found: { path: BytePath; stat: Stat }): boolean {
    const rules = this.#rules;
    if (rules === undefined || path === "") return false;
    for (const candidate of new Set([path, found.path])) {
      if (candidate === "" || !rules.excludes(candidate)) continue;
      if (!isDirectory(found.stat) || rules.prunes(candidate) || !this.#present.hasAny(found.path)) return true;
    }
    return false;
  }

  #selectionIn(base: BytePath): Selection {
    return new Selection(this.#sources, { rules: this.#rules, exclude: this.#exclude, base });
  }

  #missing(written: BytePath, excluded: boolean, advice?: string): KilnError {
    const { from } = this.#request;
    const kind = from.kind === "context" ? "context" : "dockerfile";
    const why = excluded ? `.dockerignore excludes it from ${from.description}` : `it is not in ${from.description}`;
    const hint = advice ?? (excluded ? undefined : this.#hintOfMissing(written));
    return new KilnError(kind, `Cannot copy "${displayPath(written)}": ${why}`, hint === undefined ? {} : { hint });
  }

  #openSource(path: BytePath): OpenDirectory {
    try {
      return this.#sources.open(path);
    } catch (error) {
      throw error instanceof SysError && error.is("EACCES", "EPERM") ? this.#unreadable(error, path) : error;
    }
  }

  /** A walk knows which file it was; the user may not know that there is one. */
  #unreadable({ call, errno }: SysError, path: BytePath): unknown {
    const { kind, description } = this.#request.from;
    const explained = explainSysError(
      new SysError(call, errno),
      `read "${displayPath(path)}" in ${description}`,
      kind === "context" ? "context" : "dockerfile",
    );
    if (kind !== "context" || !(explained instanceof KilnError) || explained.kind !== "denied") return explained;
    return new KilnError("denied", explained.message, {
      cause: explained,
      hint: "let the user who builds read it, or leave it out by .dockerignore",
    });
  }

  /** Why a source is not where it seems to be. */
  #hintOfMissing(written: BytePath): string | undefined {
    const where = this.#request.from.description;
    const parts: BytePath[] = [];
    for (const part of written.split("/").filter((part) => part !== "" && part !== ".")) {
      if (part === "..") {
        if (parts.pop() === undefined) return `".." does not lead out of ${where}`;
        continue;
      }
      const above = parts.join("/");
      parts.push(part);
      const found = this.#resolve(above);
      if (found === undefined || !isDirectory(found.stat)) return undefined;
      const { fd } = this.#openSource(found.path);
      const stat = tryStatAt(fd, part);
      if (stat !== undefined && isSymlink(stat)) {
        const target = displayPath(files.readLink(fd, part));
        return `"${displayPath(parts.join("/"))}" is a symlink to "${target}", which is looked for in ${where}`;
      }
    }
    return undefined;
  }

  /** The components before the first one with a wildcard are resolved; the rest is one pattern over what is below. */
  #matches(written: BytePath): Match[] {
    const parts = cleanInRoot(written).split("/");
    const first = parts.findIndex(hasWildcard);
    const base = this.#resolve(parts.slice(0, first).join("/"));
    if (base === undefined || !isDirectory(base.stat)) return [];
    const pattern = parts.slice(first).join("/");
    const found: Match[] = [];
    const walk = (directory: BytePath, relative: BytePath, depth: number): void => {
      for (const name of listDirectory(this.#openSource(directory).fd)) {
        const path = joinPath(directory, name);
        const rest = joinPath(relative, name);
        const stat = statAt(this.#openSource(directory).fd, name);
        if (matchPath(pattern, rest)) this.#addMatch(path, found);
        else if (isDirectory(stat) && depth + 1 < parts.length - first) walk(path, rest, depth + 1);
      }
    };
    walk(base.path, "", 0);
    return found;
  }

  #addMatch(path: BytePath, found: Match[]): void {
    const resolved = this.#resolve(path);
    if (resolved === undefined) throw this.#missing(path, false);
    if (!this.#isHidden(path, resolved)) found.push({ path, real: resolved.path, stat: resolved.stat });
  }

  #file(match: Match): void {
    const { destination } = this.#request;
    const asDirectory = destination === "" || /\/\.?$/.test(destination);
    const place = realPathIn(this.#root, destination);
    const inside = asDirectory || (place.stat !== undefined && isDirectory(place.stat));
    if (inside && place.stat !== undefined && !isDirectory(place.stat)) {
      throw new SysError("copy", 20, destination);
    }
    const path = inside ? joinPath(place.path, splitPath(match.path).name) : place.path;
    this.#makeParents(splitPath(path).parent);
    const { parent, name } = splitPath(match.real);
    this.#entry({ directory: this.#openSource(parent).fd, name, stat: match.stat }, match.real, path);
  }

  /** Unpacks a match if that is asked for and it is an archive. The destination is a directory then, in any case. */
  async #unpacked(match: Match): Promise<boolean> {
    if (this.#request.unpack !== true || !isFile(match.stat)) return false;
    const { parent, name } = splitPath(match.real);
    // The cache of open directories may close its descriptors before the archive is read.
    const directory = files.openAt(this.#openSource(parent).fd, ".", files.O.RDONLY | files.O.DIRECTORY);
    try {
      if (!await isArchive({ directory, name }, this.#request.expansion)) return false;
      const place = realPathIn(this.#root, this.#request.destination);
      if (place.stat !== undefined && !isDirectory(place.stat)) throw this.#directoryOver(match.path, place.path);
      // --chmod is for what is copied, not for what is unpacked or for the directory it is unpacked in.
      this.#makeDirectories(place.path, undefined);
      this.#targets.forget();
      try {
        const { owner, expansion } = this.#request;
        await unpackArchive({ directory, name }, {
          root: this.#root,
          path: place.path,
          owner,
          metadata: this.#metadata,
        }, expansion);
      } catch (error) {
        throw explainDamage(error, match.path);
      }
      return true;
    } finally {
      files.close(directory);
    }
  }

  #directory(match: Match): void {
    const place = realPathIn(this.#root, this.#request.destination);
    if (place.stat !== undefined && !isDirectory(place.stat)) throw this.#directoryOver(match.path, place.path);
    if (place.stat === undefined) this.#makeParents(place.path);
    this.#contents(match.real, place.path, this.#selectionIn(match.real));
    this.#takeTime(match, place.path);
  }

  /** The destination is as old as the directory whose content it gets; a context itself is of now, as by BuildKit. */
  #takeTime({ real, stat }: Match, target: BytePath): void {
    const isContext = real === "" && this.#request.from.kind === "context";
    const time = isContext ? timeOf(Date.now()) : { sec: stat.mtimeSec, nsec: stat.mtimeNsec };
    reach(this.#root, target, (directory, name) => files.setTime(directory, name, time));
  }

  #contents(source: BytePath, target: BytePath, selection: Selection): void {
    for (const name of listDirectory(this.#openSource(source).fd)) {
      const from = joinPath(source, name);
      const to = joinPath(target, name);
      const directory = this.#openSource(source).fd;
      const stat = this.#metadata.statAt(directory, name);
      if (isDirectory(stat)) {
        if (!selection.omitsAll(from)) this.#nested(from, to, { stat, selection });
      } else if (!selection.omits(from)) this.#entry({ directory, name, stat }, from, to);
    }
  }

  #nested(
    source: BytePath,
    target: BytePath,
    { stat, selection }: { readonly stat: Stat; readonly selection: Selection },
  ): void {
    const isNew = this.#makeNested(source, target);
    this.#contents(source, target, selection);
    if (selection.passes(source)) return this.#finishPassed(source, target, { stat, isNew });
    const { from, to } = this.#pair(source, target, stat);
    applyMeta(from, to, this.#meansFor(stat));
    files.setTime(to.directory, to.name, { sec: stat.mtimeSec, nsec: stat.mtimeNsec });
  }

  /** Returns whether it was not there before. */
  #makeNested(source: BytePath, target: BytePath): boolean {
    const { parent, name } = splitPath(target);
    const into = this.#targets.open(parent).fd;
    const existing = tryStatAt(into, name);
    if (existing !== undefined && !isDirectory(existing)) throw this.#directoryOver(source, target);
    if (existing === undefined) files.makeDirectory(into, name, 0o700);
    return existing === undefined;
  }

  /**
   * Finishes a directory that is there for the sake of what is in it, as BuildKit does: what is made in it gives it a
   * date of its own, and one that was there gets the mode of the source and nothing else.
   */
  #finishPassed(
    source: BytePath,
    target: BytePath,
    { stat, isNew }: { readonly stat: Stat; readonly isNew: boolean },
  ): void {
    const { from, to } = this.#pair(source, target, stat);
    if (isNew) applyMeta(from, to, this.#meansFor(stat));
    else files.changeMode(to.directory, to.name, stat.mode & 0o7777);
  }

  /** Where a copied directory is on both sides, opened again: owner, mode and time come last. */
  #pair(source: BytePath, target: BytePath, stat: Stat): { readonly from: Located; readonly to: Target } {
    const [own, there] = [splitPath(source), splitPath(target)];
    return {
      from: { directory: this.#openSource(own.parent).fd, name: own.name, stat },
      to: { directory: this.#targets.open(there.parent).fd, name: there.name },
    };
  }

  #entry(located: Located, source: BytePath, path: BytePath): void {
    const { stat } = located;
    const { parent, name } = splitPath(path);
    const target = { directory: this.#targets.open(parent).fd, name };
    const first = stat.nlink > 1 ? this.#links.get(inodeKey(stat)) : undefined;
    if (first !== undefined) return this.#link(first, target);
    if (isWhiteout(stat)) throw asWhiteout(path);
    const existing = tryStatAt(target.directory, name);
    if (existing !== undefined && isDirectory(existing)) {
      const shown = [displayPath(located.name), displayPath(path)] as const;
      throw new KilnError("dockerfile", `Cannot copy "${shown[0]}" to "/${shown[1]}": a directory is there`);
    }
    if (existing !== undefined && isSymlink(existing)) this.#targets.forget();
    try {
      copyEntry(located, { directory: this.#targets.open(parent).fd, name }, this.#meansFor(stat));
    } catch (error) {
      throw error instanceof UnreadableSource ? this.#unreadable(error, source) : error;
    }
    if (stat.nlink > 1) this.#links.set(inodeKey(stat), path);
  }

  #link(first: BytePath, target: { directory: number; name: BytePath }): void {
    const existing = tryStatAt(target.directory, target.name);
    if (existing !== undefined) files.unlinkAt(target.directory, target.name);
    reach(this.#root, first, (directory, name) => files.makeLink({ directory, name }, target));
  }

  #makeParents(path: BytePath): void {
    this.#makeDirectories(path, this.#request.parentMode);
  }

  #makeDirectories(path: BytePath, mode: number | undefined): void {
    const { owner } = this.#request;
    this.#targets.openOrMake(path, (_made, parent, name) => {
      applyToNew({ parent, name }, { mode: mode ?? 0o755, owner }, this.#metadata);
    });
  }

  #meansFor(stat: Stat): CopyMeans {
    const { owner, from, mode } = this.#request;
    const bits = stat.mode & 0o7777;
    const { uid, gid } = owner ?? from.owner ?? stat;
    return { uid, gid, mode: mode === undefined ? bits : mode(bits, isDirectory(stat)), metadata: this.#metadata };
  }

  #directoryOver(source: BytePath, target: BytePath): KilnError {
    const shown = [displayPath(source), displayPath(target)] as const;
    return new KilnError("dockerfile", `Cannot copy the directory "${shown[0]}" to "/${shown[1]}": a file is there`);
  }
}

function timeOf(milliseconds: number): { readonly sec: number; readonly nsec: number } {
  return { sec: Math.floor(milliseconds / 1000), nsec: milliseconds % 1000 * 1_000_000 };
}

/** Nothing would tell this device from the mark of a deletion in a layer of an overlay. */
function asWhiteout(path: BytePath): KilnError {
  return new KilnError("dockerfile", `Cannot copy "/${displayPath(path)}": a device 0:0 stands for a deleted file`);
}

/** Adds which archive it was to why one could not be unpacked. */
function explainDamage(error: unknown, path: BytePath): unknown {
  if (!(error instanceof KilnError) || error.kind !== "integrity") return error;
  const found = error.message.charAt(0).toLowerCase() + error.message.slice(1);
  return new KilnError("integrity", `Cannot unpack "${displayPath(path)}": ${found}`, {
    cause: error,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
  });
}
