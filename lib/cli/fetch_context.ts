/**
 * Bringing the build context: a directory is there, anything else is fetched while base images are looked up.
 *
 * @module
 */
import type { WorkerPool } from "../async/worker_pool.ts";
import type { FetchParts } from "../contexts/context_source.ts";
import { locateContext, type LocatedContext } from "../contexts/directory.ts";
import { openContext, type OpenParts } from "../contexts/open_context.ts";
import { bytePathOf } from "../io/byte_path.ts";
import type { Report } from "../report/report.ts";
import type { WorkDirectory } from "../store/work_directory.ts";
import type { Jobs } from "../worker.ts";
import type { RequestOptions } from "./request_options.ts";

/** What fetching takes. */
export interface FetchDeps {
  readonly work: Pick<WorkDirectory, "makeDirectory">;
  readonly sources: OpenParts;
  readonly pool: WorkerPool<Jobs>;
  readonly report: Report;
  readonly signal: AbortSignal;
}

/** A context that is on its way, or there. */
export interface PendingContext extends AsyncDisposable {
  /** Resolves when all of it is there. */
  readonly located: Promise<LocatedContext>;
  /** When it was made, if that can be told (see `FetchParts.onTime`); a directory is of no time. */
  readonly time: Promise<Date | undefined>;
}

/**
 * Starts fetching a context; resolves when it is known how.
 *
 * @throws {KilnError} kind `context`, if it is a directory that is not there; `usage`, for what its source cannot use.
 */
export async function startContext(
  { context, contextSubPath: subPath = "", contextLimits: limits }: RequestOptions,
  deps: FetchDeps,
): Promise<PendingContext> {
  if (context.kind === "directory") {
    const { path: directory, kind: _kind, ...hint } = context;
    const located = locateContext({ directory, subPath, fetched: false, description: `"${directory}"`, ...hint });
    return {
      located: Promise.resolve(located),
      time: Promise.resolve(undefined),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  }
  const { work, sources, pool, report, signal: interrupted } = deps;
  const source = await openContext(context, sources);
  const { description } = source;
  const abandoned = new AbortController();
  const signal = AbortSignal.any([interrupted, abandoned.signal]);
  const fetchAll = async (parts: FetchParts, directory: string): Promise<LocatedContext> => {
    report.message("info", `Build context: ${description}`);
    await source.fetch(parts);
    return locateContext({ directory, subPath, fetched: true, description });
  };
  const directory = work.makeDirectory("context");
  const scratch = bytePathOf(work.makeDirectory("context-download"));
  let time: Date | undefined;
  const onTime = (told: Date): void => void (time = told);
  const parts = { directory: bytePathOf(directory), scratch, pool, report, limits, signal, onTime };
  const located = fetchAll(parts, directory);
  // Whoever needs the context hears of a failure; a build that fails before must not end the process.
  located.catch(() => {});
  return {
    located,
    get time() {
      return located.then(() => time);
    },
    // Nothing may write to the work directory when it is removed.
    [Symbol.asyncDispose]: async () => {
      abandoned.abort();
      await located.catch(() => {});
    },
  };
}
