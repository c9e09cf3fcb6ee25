/**
 * Trees that a build reads besides its context and that have to be fetched: files of web servers, repositories, whatever
 * a context may be. Each is fetched once, into a directory of its own that goes with the build.
 *
 * @module
 */
import type { Gate } from "../async/gate.ts";
import type { WorkerPool } from "../async/worker_pool.ts";
import { type BytePath, bytePathOf } from "../io/byte_path.ts";
import type { Report } from "../report/report.ts";
import type { FileTree } from "../tree/file_tree.ts";
import type { Jobs } from "../worker.ts";
import type { Expected } from "./checksum.ts";
import type { ContextLimits, FetchParts } from "./context_source.ts";
import type { GitSourceOptions } from "./git.ts";
import { type FetchedLocation, openContext, type OpenParts } from "./open_context.ts";

/** A tree that is there. */
export interface RemoteTree {
  readonly tree: FileTree;
  /** What in the tree was asked for: its one file, or "/" for all of it. */
  readonly path: BytePath;
  /** Finds out when it was made, if that can be told: see `FetchParts.onTime`. */
  time(): Promise<Date | undefined>;
}

/** What fetching takes. */
export interface RemoteTreesParts {
  readonly sources: OpenParts;
  /** Makes an empty directory. */
  readonly newDirectory: () => BytePath;
  readonly pool: WorkerPool<Jobs>;
  readonly report: Report;
  readonly limits: ContextLimits;
  readonly signal: AbortSignal;
  /** Is entered while something is fetched: that reads files of ours and may run ssh. */
  readonly gate: Gate;
}

/** Files in the image belong to root, whoever made them. */
const ROOT = { uid: 0, gid: 0 } as const;

/** What was fetched. */
interface Filled extends Pick<RemoteTree, "path"> {
  readonly description: string;
  /** What tells its time if its source did not. */
  readonly ownTime?: RemoteTree["time"];
}

/** The trees of one build. */
export class RemoteTrees implements AsyncDisposable {
  readonly #parts: RemoteTreesParts;
  readonly #abandoned = new AbortController();
  readonly #trees = new Map<string, Promise<RemoteTree>>();

  constructor(parts: RemoteTreesParts) {
    this.#parts = { ...parts, signal: AbortSignal.any([parts.signal, this.#abandoned.signal]) };
  }

  /** Fetches one file. @throws {KilnError} as `fetchHttpFile` does */
  file(url: URL, expected?: Expected): Promise<RemoteTree> {
    return this.#once(`file ${url.href} ${expected?.checksum ?? ""}`, async (fetch) => {
      const { fetchHttpFile, nameOfHttpFile } = await import("./http_file.ts");
      const name = nameOfHttpFile(url);
      await fetchHttpFile(url, expected, this.#parts.sources, fetch);
      const { directory, limits, pool } = fetch;
      const archive = { directory, name: bytePathOf(name), limits: limits.expansion };
      return {
        path: `/${bytePathOf(name)}`,
        description: `the file "${name}"`,
        ownTime: () => pool.run("timeOfArchive", archive),
      };
    });
  }

  /** Fetches a context. @throws {KilnError} as `ContextSource.fetch` does */
  context(location: FetchedLocation, git: GitSourceOptions = {}): Promise<RemoteTree> {
    const { checksum: _ofTheMainContext, ...sources } = this.#parts.sources;
    return this.#once(JSON.stringify([location, git]), async (fetch) => {
      const source = await openContext(location, { ...sources, git });
      await source.fetch(fetch);
      return { path: "/", description: source.description };
    });
  }

  /** Ends what is still being fetched. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#abandoned.abort();
    await Promise.allSettled(this.#trees.values());
  }

  #once(key: string, fill: (fetch: FetchParts) => Promise<Filled>): Promise<RemoteTree> {
    const known = this.#trees.get(key) ?? this.#fetch(fill);
    this.#trees.set(key, known);
    return known;
  }

  async #fetch(fill: (fetch: FetchParts) => Promise<Filled>): Promise<RemoteTree> {
    const { newDirectory, pool, report, limits, signal, gate } = this.#parts;
    const root = newDirectory();
    let time: Date | undefined;
    const onTime = (told: Date): void => void (time = told);
    try {
      using _turn = await gate.together(signal);
      const fetch = { directory: root, scratch: newDirectory(), pool, report, limits, signal, onTime };
      const { path, description, ownTime } = await fill(fetch);
      const tree: FileTree = { root, kind: "context", description, owner: ROOT };
      return { tree, path, time: async () => time ?? await ownTime?.() };
    } catch (error) {
      // The build has failed; what else is being fetched is of no use.
      this.#abandoned.abort(error);
      throw error;
    }
  }
}
