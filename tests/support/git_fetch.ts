/**
 * Fetching a git context as the executor does, from within a test.
 *
 * @module
 */
import { WorkerPool } from "../../lib/async/worker_pool.ts";
import { systemClock } from "../../lib/async/clock.ts";
import type { GitLocation, GitOptions } from "../../lib/contexts/context_location.ts";
import { createGitSource } from "../../lib/contexts/git.ts";
import { DEFAULT_EXPANSION_LIMITS } from "../../lib/io/expansion_limit.ts";
import { bytePathOf } from "../../lib/io/byte_path.ts";
import type { Report } from "../../lib/report/report.ts";
import type { Jobs } from "../../lib/worker.ts";

/** What to fetch, and with what around it. */
export interface GitFetch {
  readonly url: URL;
  readonly ref?: string;
  readonly commit?: string;
  readonly subdirectory?: string;
  readonly options?: Partial<GitOptions>;
  readonly environment?: Readonly<Record<string, string>>;
  readonly secretValues?: Readonly<Record<string, string>>;
  readonly maxBytes?: number;
}

/** What came of it. */
export interface GitFetched {
  /** The directory; removed by whoever asked for it. */
  readonly directory: string;
  readonly messages: readonly string[];
  /** Texts the log has to hide. */
  readonly secrets: readonly string[];
}

const OPTIONS: GitOptions = { singleBranch: false, depth: 0, recurseSubmodules: false, insecureSkipTls: false };

/** Fetches into a new directory below `root`. */
export async function fetchGit(root: string, request: GitFetch): Promise<GitFetched> {
  const directory = await Deno.makeTempDir({ dir: root, prefix: "context-" });
  const scratch = await Deno.makeTempDir({ dir: root, prefix: "scratch-" });
  const messages: string[] = [];
  const secrets: string[] = [];
  const { environment = {}, secretValues = {}, url, ref, commit, subdirectory, maxBytes = 1024 ** 4 } = request;
  using pool = new WorkerPool<Jobs>({ module: new URL("../../lib/worker.ts", import.meta.url), size: 1 });
  const location: GitLocation = {
    kind: "git",
    url,
    ...(ref === undefined ? {} : { ref }),
    ...(commit === undefined ? {} : { commit }),
    ...(subdirectory === undefined ? {} : { subdirectory }),
    options: { ...OPTIONS, ...request.options },
  };
  const source = createGitSource(location, {
    environment: (name) => environment[name],
    reveal: (secret) => secrets.push(secret),
    secret: (id) => {
      const value = secretValues[id];
      return Promise.resolve(value === undefined ? undefined : new TextEncoder().encode(value));
    },
    userAgent: "kiln-test",
    clock: systemClock,
    random: Math.random,
  });
  await source.fetch({
    directory: bytePathOf(directory),
    scratch: bytePathOf(scratch),
    pool,
    report: collecting(messages),
    limits: { maxBytes, expansion: DEFAULT_EXPANSION_LIMITS },
    signal: new AbortController().signal,
  });
  return { directory, messages, secrets };
}

function collecting(messages: string[]): Report {
  const report: Report = {
    message: (level, text) => void messages.push(`${level}: ${text}`),
    output: () => {},
    step: () => report,
  };
  return report;
}
