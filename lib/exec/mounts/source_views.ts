/**
 * What mounts show of contexts, stages and images: as COPY would copy it. Made once a build, when first asked for.
 *
 * A tree whose files all belong to root and of which nothing is ignored is shown as it is. Of any other the commands get
 * a copy that they share: an 800 MB context of which one file is ignored took 2 s a RUN while each had its own.
 *
 * @module
 */
import type { WorkerPool } from "../../async/worker_pool.ts";
import type { BytePath } from "../../io/byte_path.ts";
import { SysError } from "../../sys/errno.ts";
import * as files from "../../sys/file.ts";
import { mount, MS, unmount } from "../../sys/mount.ts";
import type { FileTree } from "../../tree/file_tree.ts";
import { ON_DISK } from "../../tree/metadata_access.ts";
import { OVERLAY_NOTES } from "../../tree/overlay_marks.ts";
import { copyRootMeta } from "../../tree/settle_layer.ts";
import type { Jobs } from "../../worker.ts";

/** A file or directory in a tree. */
export interface MountSource {
  readonly tree: FileTree;
  /** Absolute, without symlinks below the tree's root. */
  readonly path: BytePath;
  /** The same, relative to the tree's root. */
  readonly inner: BytePath;
  readonly type: "file" | "directory";
}

/** A place of one command. */
export interface OwnView {
  readonly path: BytePath;
  release?(): void;
}

/** The views of one build. None of the trees may change while they are in use. */
export class SourceViews {
  readonly #directory: BytePath;
  readonly #pool: WorkerPool<Jobs>;
  /** By the path of what is shown. */
  readonly #shown = new Map<BytePath, Promise<BytePath>>();
  readonly #digests = new Map<BytePath, Promise<string>>();

  /** @param directory of this build; copies are made in it. */
  constructor({ directory, pool }: { readonly directory: BytePath; readonly pool: WorkerPool<Jobs> }) {
    this.#directory = directory;
    this.#pool = pool;
  }

  /** Returns where the source can be read. Nobody may write there. */
  shown(source: MountSource): Promise<BytePath> {
    return remembered(this.#shown, source.path, () => this.#show(source));
  }

  /** Returns a digest of a directory's files; costs one reading of them. */
  digest(source: MountSource): Promise<string> {
    return remembered(this.#digests, source.path, async () => {
      return await this.#pool.run("digestTree", { root: await this.shown(source) });
    });
  }

  /** Makes a view whose changes are thrown away: an overlay where the kernel gives us one, else a copy. */
  async own(source: MountSource, scratch: BytePath): Promise<OwnView> {
    if (source.type === "file") return { path: await this.#copy(source, scratch) };
    const shown = await this.shown(source);
    const view = overlayOver(shown, scratch);
    if (view !== undefined) return view;
    const to = newDirectory(scratch);
    await this.#pool.run("copyTree", { from: shown, to });
    return { path: to };
  }

  async #show(source: MountSource): Promise<BytePath> {
    const { tree, inner, path } = source;
    if (tree.owner === undefined && tree.ignore === undefined) return path;
    return await this.#pool.run("isPlainTree", { tree, path: inner })
      ? path
      : await this.#copy(source, this.#directory);
  }

  async #copy({ tree, inner }: MountSource, directory: BytePath): Promise<BytePath> {
    const root = newDirectory(directory);
    await this.#pool.run("copyInto", {
      from: tree,
      sources: [`/${inner}`],
      literal: true,
      root,
      destination: "/copy",
    });
    return `${root}/copy`;
  }
}

function remembered<T>(known: Map<BytePath, Promise<T>>, path: BytePath, make: () => Promise<T>): Promise<T> {
  const made = known.get(path) ?? make();
  known.set(path, made);
  return made;
}

function overlayOver(lower: BytePath, scratch: BytePath): OwnView | undefined {
  const [upper, work, view] = [newDirectory(scratch), newDirectory(scratch), newDirectory(scratch)];
  const fds = [lower, upper, work].map(files.openDirectory);
  try {
    const [lowerdir, upperdir, workdir] = fds.map((fd) => `/proc/self/fd/${fd}`);
    const notes = OVERLAY_NOTES === "user" ? ",userxattr" : "";
    const options = `lowerdir=${lowerdir},upperdir=${upperdir},workdir=${workdir}${notes}`;
    // The root of an overlay looks like its upper directory.
    files.withDirectory(upper, (fd) => copyRootMeta(lower, fd, ON_DISK));
    mount({ source: "overlay", target: view, type: "overlay", flags: MS.NODEV, options });
    return { path: view, release: () => unmount(view) };
  } catch (error) {
    if (error instanceof SysError) return undefined;
    throw error;
  } finally {
    fds.forEach(files.close);
  }
}

function newDirectory(parent: BytePath): BytePath {
  const path = `${parent}/${crypto.randomUUID()}`;
  files.makeDirectory(files.AT_FDCWD, path, 0o755);
  return path;
}
