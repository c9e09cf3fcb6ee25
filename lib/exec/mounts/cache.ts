/**
 * `RUN --mount=type=cache`: a directory that outlives the build (dockerfile.md 3.2).
 *
 * A cache is a directory named after the hash of everything that makes it a cache of its own, with a lock beside it:
 * `shared` users hold it together, `locked` ones wait for each other, a `private` one takes the next directory if the
 * first is in use. It is never part of a layer. What nobody has used for long is removed (`prune_caches.ts`).
 *
 * A command takes its caches last, when all else it mounts is there, and in the order of their keys: then no two
 * commands, of this build or of another, wait for each other.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { systemClock } from "../../async/clock.ts";
import { KilnError } from "../../errors.ts";
import { type BytePath, bytePathOf, displayPath } from "../../io/byte_path.ts";
import { SysError } from "../../sys/errno.ts";
import * as files from "../../sys/file.ts";
import { CACHE_TREE, reclaimTree } from "../../tree/lent_tree.ts";
import { removeTree } from "../../tree/remove.ts";
import type { BindMount } from "../spec.ts";
import { noteUse, tryLockCache } from "./cache_lock.ts";
import type { MountRequest, MountSources } from "./prepared.ts";
import { openSource } from "./source.ts";
import type { MountSource } from "./source_views.ts";
import { targetOf } from "./target.ts";

/** A cache mount of which everything is known but its directory. */
export interface PlannedCache {
  readonly key: string;
  readonly target: BytePath;
  readonly request: MountRequest;
  /** What a new cache begins as. */
  readonly seed: MountSource | undefined;
}

/** A cache that is in use until `release`. */
export interface TakenCache {
  readonly directory: BytePath;
  release(): void;
}

/** Finds out which cache a mount means. @throws {KilnError} if what it begins as is no directory */
export async function planCache(request: MountRequest, sources: MountSources): Promise<PlannedCache> {
  const target = targetOf(request);
  const seed = request.from === undefined ? undefined : await openSource(request, sources);
  if (seed?.type === "file") throw notADirectory(seed);
  const seedDigest = seed === undefined ? "" : await sources.views.digest(seed);
  return { key: keyOf(request, { namespace: sources.cacheNamespace, seedDigest }), target, request, seed };
}

/**
 * Takes all caches of one command, waiting for those that are in use; a cache that is mounted twice is one.
 *
 * @param sources `exclusive` caches have one user at a time, whatever their `sharing`.
 * @returns the caches by key; each is to be released.
 */
export async function takeCaches(
  planned: readonly PlannedCache[],
  sources: MountSources,
  { exclusive }: { readonly exclusive: boolean },
): Promise<ReadonlyMap<string, TakenCache>> {
  const taken = new Map<string, TakenCache>();
  try {
    for (const cache of planned.toSorted((a, b) => a.key < b.key ? -1 : 1)) {
      if (taken.has(cache.key)) continue;
      const isLocked = planned.some(({ key, request }) => key === cache.key && request.sharing === "locked");
      taken.set(cache.key, await take(cache, sources, isLocked ? "locked" : wayOf(cache, exclusive)));
    }
    return taken;
  } catch (error) {
    for (const { release } of taken.values()) release();
    throw error;
  }
}

/** Returns the mount of a cache that has been taken. */
export function mountCache({ target, request }: PlannedCache, { directory }: TakenCache): BindMount {
  const { readOnly } = request;
  return { kind: "bind", type: "directory", source: directory, target, readOnly, isCache: true };
}

type Sharing = MountRequest["sharing"];

function wayOf({ request }: PlannedCache, exclusive: boolean): Sharing {
  return exclusive && request.sharing === "shared" ? "locked" : request.sharing;
}

/** As in BuildKit, owner, mode and initial content are part of what a cache is; user text never is part of a path. */
function keyOf(mount: MountRequest, parts: { readonly namespace: string; readonly seedDigest: string }): string {
  const id = parts.namespace === "" ? mount.id : `${parts.namespace}/${mount.id}`;
  const all = [id, parts.seedDigest, mount.mode ?? "", mount.uid ?? "", mount.gid ?? ""];
  return createHash("sha256").update(JSON.stringify(all)).digest("hex");
}

async function take(cache: PlannedCache, sources: MountSources, sharing: Sharing): Promise<TakenCache> {
  const base = `${bytePathOf(sources.cacheDirectory)}/${cache.key}`;
  const { home, lock } = await takeHome(base, { sharing, id: cache.request.id, sources });
  try {
    noteUse(lock);
    if (!reclaimTree(home)) await fill(home, cache, sources);
    return { directory: `${home}/${CACHE_TREE}`, release: () => files.close(lock) };
  } catch (error) {
    files.close(lock);
    throw error;
  }
}

interface Wait {
  readonly sharing: Sharing;
  readonly id: string;
  readonly sources: MountSources;
}

async function takeHome(base: BytePath, wait: Wait): Promise<{ readonly home: BytePath; readonly lock: number }> {
  if (wait.sharing !== "private") return { home: base, lock: await waitForLock(base, wait) };
  for (let copy = 0;; copy++) {
    const home = copy === 0 ? base : `${base}-${copy}`;
    const lock = tryLockCache(home, "exclusive");
    if (lock !== undefined) return { home, lock };
  }
}

/** Between two looks at a lock; as BuildKit's. A call that waits could not be interrupted. */
const POLL_MS = 100;

async function waitForLock(home: BytePath, { sharing, id, sources: { signal, report } }: Wait): Promise<number> {
  for (let told = false;; told = true) {
    const lock = tryLockCache(home, sharing === "locked" ? "exclusive" : "shared");
    if (lock !== undefined) return lock;
    if (!told) report.message("info", `Waiting for the cache "${id}", which another command uses`);
    await systemClock.sleep(POLL_MS, signal);
  }
}

/** Makes the directory under another name first: what is there under its own name is always complete. */
async function fill(home: BytePath, { request, seed }: PlannedCache, sources: MountSources): Promise<void> {
  removeRemains(home);
  const fresh = `${home}.${crypto.randomUUID()}`;
  files.makeDirectory(files.AT_FDCWD, fresh, 0o700);
  try {
    const tree = `${fresh}/${CACHE_TREE}`;
    files.makeDirectory(files.AT_FDCWD, tree, 0o700);
    if (seed !== undefined) await sources.pool.run("copyTree", { from: await sources.views.shown(seed), to: tree });
    if (seed === undefined || isChanged(request, seed)) {
      files.changeOwner(files.AT_FDCWD, tree, { uid: request.uid ?? 0, gid: request.gid ?? 0 });
      files.changeMode(files.AT_FDCWD, tree, request.mode ?? 0o755);
    }
    files.renameAt({ directory: files.AT_FDCWD, name: fresh }, { directory: files.AT_FDCWD, name: home });
  } catch (error) {
    removeTree(files.AT_FDCWD, fresh);
    // Users of a shared cache may make it at the same time; the first one's is as good. It is never empty, for `tree` is
    // in it, so that no rename replaces it.
    if (!(error instanceof SysError && error.is("ENOTEMPTY", "EEXIST") && reclaimTree(home))) throw error;
  }
}

/** What a cache begins as keeps its owner and mode, as in BuildKit; only of a whole tree can they be others. */
function isChanged({ uid, gid, mode }: MountRequest, { inner }: MountSource): boolean {
  return inner === "" && (uid !== undefined || gid !== undefined || mode !== undefined);
}

/** A command may have removed or replaced a directory that was put in its rootfs. */
function removeRemains(home: BytePath): void {
  try {
    files.removeDirectoryAt(files.AT_FDCWD, home);
  } catch (error) {
    if (!(error instanceof SysError && error.is("ENOENT", "ENOTEMPTY"))) throw error;
  }
}

function notADirectory({ tree, inner }: MountSource): KilnError {
  const message = `Cannot mount a cache that begins as "/${displayPath(inner)}": it is a file in ${tree.description}`;
  return new KilnError("dockerfile", message, { hint: "source= of a cache names a directory" });
}
