/**
 * A build context that has to be fetched: the contract between the build and the sources (tar, HTTP, git, object
 * stores, images).
 *
 * A source is made from the command line without touching disk or network, and then asked once to put its files into a
 * directory. There they are a directory context like any other.
 *
 * @module
 */
import type { Clock } from "../async/clock.ts";
import type { WorkerPool } from "../async/worker_pool.ts";
import type { Environment } from "../http/proxy.ts";
import type { BytePath } from "../io/byte_path.ts";
import type { ExpansionLimits } from "../io/expansion_limit.ts";
import type { Report } from "../report/report.ts";
import type { Jobs } from "../worker.ts";

/** What a source is made of besides its location. */
export interface SourceParts {
  /** Looks up an environment variable. */
  readonly environment: Environment;
  /** Hides a text in the log from now on. Whoever reads or receives a credential calls it before anything else. */
  readonly reveal: (secret: string) => void;
  /** Reads the `--secret` of an id; undefined if there is none. */
  readonly secret: (id: string) => Promise<Uint8Array | undefined>;
  readonly userAgent: string;
  readonly clock: Clock;
  /** Returns an even draw from 0 (inclusive) to 1 (exclusive). */
  readonly random: () => number;
}

/** How large a context may be. */
export interface ContextLimits {
  /** Bytes that are downloaded, or read from stdin, at most. */
  readonly maxBytes: number;
  /** How far an archive may expand. */
  readonly expansion: ExpansionLimits;
}

/** What a source is given to work with. */
export interface FetchParts {
  /** An existing, empty directory; the files of the context go there and nothing else. */
  readonly directory: BytePath;
  /** An existing directory for partial downloads. It is removed with the build. */
  readonly scratch: BytePath;
  readonly pool: WorkerPool<Jobs>;
  readonly report: Report;
  readonly limits: ContextLimits;
  /** Aborted when the build is interrupted. */
  readonly signal: AbortSignal;
  /**
   * Told when what is fetched was made, by sources that know it: a commit's time, what a web server says, else that of
   * the newest regular file in an archive (SOURCE_DATE_EPOCH, dockerfile.md 2.4).
   */
  readonly onTime?: (time: Date) => void;
}

/** Where a context comes from. */
export interface ContextSource {
  /** For people, without credentials: `the archive "https://example.com/app.tar.gz"`. */
  readonly description: string;
  /**
   * Fetches all files. What is fetched is verified as far as its source allows, and no name in it leads out of the
   * directory; unless it resolves, the directory is of no use.
   *
   * @throws {KilnError} kind `context` for what is missing or malformed, `registry` for a server that cannot be
   *   reached or fails, `denied` for credentials, `integrity` for bytes that are not those promised, `disk`.
   */
  fetch(parts: FetchParts): Promise<void>;
}
