/**
 * `RUN --mount=type=bind`: a part of the context, of a stage or of an image, read-only or with changes thrown away.
 *
 * A tree whose files all belong to root and of which nothing is ignored is mounted as it is. Else the command must see
 * what COPY would copy, so that is what it gets: a copy.
 *
 * @module
 */
import type { BytePath } from "../../io/byte_path.ts";
import { SysError } from "../../sys/errno.ts";
import * as files from "../../sys/file.ts";
import { mount, MS, unmount } from "../../sys/mount.ts";
import type { MountPreparation, MountRequest, MountSources } from "./prepared.ts";
import { type MountSource, openSource } from "./source.ts";
import { targetOf } from "./target.ts";

/** Prepares a bind mount. */
export async function prepareBind(spec: MountRequest, sources: MountSources): Promise<MountPreparation> {
  const target = targetOf(spec);
  const source = await openSource(spec, sources);
  const plain = await isPlain(source, sources);
  const place = plain && spec.readOnly ? { path: source.path } : await writable(source, plain, sources);
  return {
    mount: { kind: "bind", type: source.type, source: place.path, target, readOnly: spec.readOnly },
    ...(place.release === undefined ? {} : { release: place.release }),
  };
}

/** Whether the files can be shown as they are. */
async function isPlain({ tree, inner }: MountSource, { pool }: MountSources): Promise<boolean> {
  if (tree.owner === undefined && tree.ignore === undefined) return true;
  return await pool.run("isPlainTree", { tree, path: inner });
}

interface Place {
  readonly path: BytePath;
  release?(): void;
}

/** A view whose changes are thrown away: an overlay over the files where the kernel gives us one, else a copy. */
async function writable(source: MountSource, plain: boolean, sources: MountSources): Promise<Place> {
  if (plain && source.type === "directory") {
    const view = overlayOver(source.path, sources.scratch);
    if (view !== undefined) return view;
  }
  const copy = newDirectory(sources.scratch);
  await sources.pool.run("copyInto", {
    from: source.tree,
    sources: [`/${source.inner}`],
    literal: true,
    root: copy,
    destination: "/copy",
  });
  return { path: `${copy}/copy` };
}

function overlayOver(lower: BytePath, scratch: BytePath): Place | undefined {
  const [upper, work, view] = [newDirectory(scratch), newDirectory(scratch), newDirectory(scratch)];
  const fds = [lower, upper, work].map(files.openDirectory);
  try {
    const [lowerdir, upperdir, workdir] = fds.map((fd) => `/proc/self/fd/${fd}`);
    const options = `lowerdir=${lowerdir},upperdir=${upperdir},workdir=${workdir}`;
    mount({ source: "overlay", target: view, type: "overlay", flags: MS.NODEV, options });
    return { path: view, release: () => unmount(view) };
  } catch (error) {
    if (error instanceof SysError) return undefined;
    throw error;
  } finally {
    fds.forEach(files.close);
  }
}

function newDirectory(scratch: BytePath): BytePath {
  const path = `${scratch}/${crypto.randomUUID()}`;
  files.makeDirectory(files.AT_FDCWD, path, 0o755);
  return path;
}
