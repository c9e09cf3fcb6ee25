/**
 * Fetching a context as a build does it: Workers, a directory for the files, one for partial downloads, and a log.
 *
 * @module
 */
import { join } from "node:path/posix";
import { systemClock } from "../../lib/async/clock.ts";
import { WorkerPool } from "../../lib/async/worker_pool.ts";
import type { ContextLimits, ContextSource, SourceParts } from "../../lib/contexts/context_source.ts";
import { DEFAULT_EXPANSION_LIMITS } from "../../lib/io/expansion_limit.ts";
import type { Level, Report } from "../../lib/report/report.ts";
import type { Jobs } from "../../lib/worker.ts";
import { memoryDirectory } from "./executor_site.ts";

/** What fetching gave. */
export interface Fetched {
  /** The files by path; directories end in "/" and have no content. */
  readonly files: Readonly<Record<string, string>>;
  readonly messages: readonly string[];
  /** What was said to be a secret. */
  readonly revealed: readonly string[];
}

/** How to fetch. */
export interface FetchOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly limits?: Partial<ContextLimits>;
  readonly signal?: AbortSignal;
  /** Takes the messages also when fetching fails. */
  readonly messages?: string[];
  /** Looks at the directory before it is removed. */
  readonly look?: (directory: string) => void;
  /** False to leave the files unread: `files` is empty then. */
  readonly contents?: boolean;
  /** Workers to use again; starting them takes longer than most fetches here. */
  readonly pool?: WorkerPool<Jobs>;
}

/** Makes a source and fetches; pauses between tries take no time. */
export async function fetchContext(
  make: (parts: SourceParts) => ContextSource,
  { env = {}, limits = {}, signal, messages = [], look, contents = true, pool }: FetchOptions = {},
): Promise<Fetched> {
  const revealed: string[] = [];
  const source = make({
    environment: (name) => env[name],
    reveal: (secret) => void revealed.push(secret),
    secret: () => Promise.resolve(undefined),
    userAgent: "kiln/test",
    clock: { ...systemClock, sleep: () => Promise.resolve() },
    random: () => 0,
  });
  const place = await Deno.makeTempDir({ prefix: "kiln-fetch-", ...memoryDirectory() });
  const [directory, scratch] = [join(place, "files"), join(place, "scratch")];
  await Promise.all([directory, scratch].map((path) => Deno.mkdir(path)));
  const workers = pool ?? createPool();
  try {
    await source.fetch({
      directory,
      scratch,
      pool: workers,
      report: reportInto(messages),
      limits: { maxBytes: Infinity, expansion: DEFAULT_EXPANSION_LIMITS, ...limits },
      signal: signal ?? new AbortController().signal,
    });
    look?.(directory);
    return { files: contents ? filesOf(directory) : {}, messages, revealed };
  } finally {
    if (pool === undefined) workers[Symbol.dispose]();
    await Deno.remove(place, { recursive: true });
  }
}

/** Makes Workers that do the jobs of a build. */
export function createPool(): WorkerPool<Jobs> {
  return new WorkerPool<Jobs>({ module: new URL("../../lib/worker.ts", import.meta.url), size: 2 });
}

function reportInto(messages: string[]): Report {
  const report: Report = {
    message: (level: Level, text: string) => void messages.push(`${level}: ${text}`),
    output: () => {},
    step: () => report,
  };
  return report;
}

function filesOf(directory: string, below = ""): Record<string, string> {
  const files: Record<string, string> = {};
  const entries = [...Deno.readDirSync(join(directory, below))].sort((a, b) => a.name < b.name ? -1 : 1);
  for (const { name, isDirectory } of entries) {
    const path = below === "" ? name : `${below}/${name}`;
    if (isDirectory) Object.assign(files, { [`${path}/`]: "" }, filesOf(directory, path));
    else files[path] = Deno.readTextFileSync(join(directory, path));
  }
  return files;
}
