/**
 * `RUN --mount=type=cache`: a directory that outlives the build (dockerfile.md 3.2).
 *
 * A cache is a directory named after the hash of everything that makes it a cache of its own, with a lock beside it:
 * `shared` users hold it together, `locked` ones wait for each other, a `private` one takes the next directory if the
 * first is in use. It is never part of a layer.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { type BytePath, bytePathOf } from "../../io/byte_path.ts";
import * as files from "../../sys/file.ts";
import { tryStatAt } from "../../sys/stat.ts";
import { removeTree } from "../../tree/remove.ts";
import type { MountPreparation, MountRequest, MountSources } from "./prepared.ts";
import { openSource } from "./source.ts";
import { targetOf } from "./target.ts";

/** Prepares a cache, waiting for it if it is locked. */
export async function prepareCache(mount: MountRequest, sources: MountSources): Promise<MountPreparation> {
  const target = targetOf(mount);
  const key = keyOf(mount, sources.cacheNamespace);
  const { directory, lock } = await takeDirectory(`${bytePathOf(sources.cacheDirectory)}/${key}`, mount);
  try {
    if (tryStatAt(files.AT_FDCWD, directory) === undefined) await fill(directory, mount, sources);
  } catch (error) {
    files.close(lock);
    throw error;
  }
  return {
    mount: { kind: "bind", type: "directory", source: directory, target, readOnly: mount.readOnly, isCache: true },
    release: () => files.close(lock),
  };
}

/** As in BuildKit, owner, mode and initial content are part of what a cache is; user text never is part of a path. */
function keyOf(mount: MountRequest, namespace: string): string {
  const id = namespace === "" ? mount.id : `${namespace}/${mount.id}`;
  const parts = [id, mount.from ?? "", mount.source ?? "", mount.mode ?? "", mount.uid ?? "", mount.gid ?? ""];
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex");
}

async function takeDirectory(base: BytePath, mount: MountRequest): Promise<{ directory: BytePath; lock: number }> {
  if (mount.sharing !== "private") {
    const lock = openLock(base);
    await files.lock(lock, mount.sharing === "locked" ? "exclusive" : "shared");
    return { directory: base, lock };
  }
  for (let copy = 0;; copy++) {
    const directory = copy === 0 ? base : `${base}-${copy}`;
    const lock = openLock(directory);
    if (files.tryLock(lock, "exclusive")) return { directory, lock };
    files.close(lock);
  }
}

function openLock(directory: BytePath): number {
  return files.openAt(files.AT_FDCWD, `${directory}.lock`, files.O.RDWR | files.O.CREAT, 0o600);
}

/** Makes the directory under another name first: what is there under its own name is always complete. */
async function fill(directory: BytePath, mount: MountRequest, sources: MountSources): Promise<void> {
  const fresh = `${directory}.${crypto.randomUUID()}`;
  files.makeDirectory(files.AT_FDCWD, fresh, 0o700);
  try {
    if (mount.from !== undefined) await copySource(fresh, mount, sources);
    files.changeOwner(files.AT_FDCWD, fresh, { uid: mount.uid ?? 0, gid: mount.gid ?? 0 });
    files.changeMode(files.AT_FDCWD, fresh, mount.mode ?? 0o755);
    files.renameAt({ directory: files.AT_FDCWD, name: fresh }, { directory: files.AT_FDCWD, name: directory });
  } catch (error) {
    removeTree(files.AT_FDCWD, fresh);
    // Users of a shared cache may make it at the same time; the first one's is as good.
    if (tryStatAt(files.AT_FDCWD, directory) === undefined) throw error;
  }
}

async function copySource(to: BytePath, mount: MountRequest, sources: MountSources): Promise<void> {
  const source = await openSource(mount, sources);
  await sources.pool.run("copyTree", { from: source.path, to });
}
