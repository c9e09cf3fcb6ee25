/**
 * Fetching a commit with the submodules it names, and theirs.
 *
 * A submodule is another repository that somebody else may have written: what it names may not be nearer to us than it is
 * itself, and it gets credentials only if it is on the host they are for (S47, S49).
 *
 * @module
 */
import { KilnError } from "../errors.ts";
import type { Reach } from "../http/reach.ts";
import type { Transport } from "../http/transport.ts";
import { type BytePath, displayPath } from "../io/byte_path.ts";
import type { Report } from "../report/report.ts";
import { fetchCommit, type FetchedCommit, type WantedCommit } from "./fetch_commit.ts";
import { downloadLfsFiles } from "./lfs_download.ts";
import type { LfsServer } from "./lfs_parts.ts";
import { parseRemote } from "./parse_remote.ts";
import type { FoundSubmodule, ReadPackRequest, ReadPackResult } from "./read_pack.ts";
import { type GitRemote, nameOfRemote } from "./remote.ts";
import type { GitServer } from "./server.ts";
import { parseSubmodules, submoduleAt } from "./submodules.ts";

/** What to fetch. */
export interface WantedRepository extends WantedCommit {
  readonly remote: GitRemote;
  /** A directory of the repository that takes its place. */
  readonly subdirectory?: BytePath;
  readonly submodules: boolean;
  /** The first digits of the commit's object ID, in lower case. */
  readonly commitPrefix?: string;
  readonly commitTime: boolean;
  /** Whether to make `.git` directories. There is none for a subdirectory: what git would be about is not there. */
  readonly keepGitDirectory: boolean;
}

/** Where to put it, and what with. */
export interface FetchRepositoryParts {
  /** Makes the server of a repository; `reach` says how near it may be. */
  readonly connect: (remote: GitRemote, reach: Reach) => GitServer;
  /** An existing, empty directory. */
  readonly directory: BytePath;
  /** An existing directory of our own. */
  readonly scratch: BytePath;
  /** Returns the LFS server of a repository. */
  readonly lfsServer: (remote: GitRemote, commit: FetchedCommit, reach: Reach) => LfsServer | Promise<LfsServer>;
  readonly transport: Transport;
  /** Told of every byte that is downloaded; throws if there are too many. */
  readonly count: (bytes: number) => void;
  readonly readPack: (request: ReadPackRequest) => Promise<ReadPackResult>;
  readonly report: Report;
  readonly signal: AbortSignal;
}

/** As go-git, which kaniko uses. */
const MAX_NESTING = 10;
/** Submodules of submodules of ..., in all. */
const MAX_REPOSITORIES = 10_000;

/**
 * Fetches a repository.
 *
 * @throws {KilnError} as `fetchCommit` does; kind `context` for submodules that cannot be found.
 */
export async function fetchRepository(wanted: WantedRepository, parts: FetchRepositoryParts): Promise<FetchedCommit> {
  const { remote, submodules, commitPrefix = "", ...rest } = wanted;
  const fetched = await fetchOne({ ...rest, remote, below: "", reach: "any" }, parts);
  if (!fetched.commit.startsWith(commitPrefix)) {
    const found = `its commit is ${fetched.commit}, which does not begin with ${commitPrefix}`;
    throw new KilnError("integrity", `Cannot use ${nameOfRemote(remote)}: ${found}`);
  }
  const pending: Nested[] = fetched.submodules.map((found) => ({ found, parent: remote, fetched, nesting: 1 }));
  let repositories = 0;
  for (let next = pending.shift(); next !== undefined; next = pending.shift()) {
    const needed = submodules || next.found.subdirectory !== undefined;
    if (!needed) {
      tellSkipped(next.found, parts.report);
      continue;
    }
    if (++repositories > MAX_REPOSITORIES) {
      throw new KilnError("context", "Cannot fetch the submodules: they have no end");
    }
    pending.push(...await fetchNested(next, { wanted, parts }));
  }
  return fetched;
}

/** A submodule that is to be fetched. */
interface Nested {
  readonly found: FoundSubmodule;
  readonly parent: GitRemote;
  /** The commit that names it. */
  readonly fetched: FetchedCommit;
  readonly nesting: number;
}

async function fetchNested(
  { found, parent, fetched, nesting }: Nested,
  { wanted, parts }: { readonly wanted: WantedRepository; readonly parts: FetchRepositoryParts },
): Promise<readonly Nested[]> {
  const what = `fetch the submodule "${displayPath(found.path)}" of ${nameOfRemote(parent)}`;
  try {
    if (nesting > MAX_NESTING) throw new KilnError("context", `its nesting is more than ${MAX_NESTING} deep`);
    const submodule = submoduleAt(parseSubmodules(fetched.modules ?? ""), found.path);
    if (submodule.skipped) {
      parts.report.message("info", `The submodule "${displayPath(found.path)}" is not fetched: its update is "none"`);
      return [];
    }
    const remote = byTheSameWay(parseRemote(submodule.url, parent), wanted.remote);
    const reach = isSameHost(remote, wanted.remote) ? "any" : fetched.neighbours;
    const { commitTime, keepGitDirectory, depth = 1 } = wanted;
    const nested = await fetchOne({
      remote,
      reach,
      commit: found.commit,
      below: found.below,
      commitTime,
      keepGitDirectory,
      depth,
      ...(found.subdirectory === undefined || found.subdirectory === "" ? {} : { subdirectory: found.subdirectory }),
    }, parts);
    return nested.submodules.map((inner) => ({ found: inner, parent: remote, fetched: nested, nesting: nesting + 1 }));
  } catch (error) {
    throw error instanceof KilnError ? error.within(what) : error;
  }
}

interface One extends WantedCommit {
  readonly remote: GitRemote;
  readonly reach: Reach;
  readonly below: BytePath;
  readonly subdirectory?: BytePath;
  readonly commitTime: boolean;
  readonly keepGitDirectory: boolean;
}

async function fetchOne(
  { remote, reach, below, subdirectory, commitTime, keepGitDirectory, ...wanted }: One,
  { connect, lfsServer, directory, ...parts }: FetchRepositoryParts,
): Promise<FetchedCommit> {
  const fetched = await fetchCommit(wanted, {
    ...parts,
    server: connect(remote, reach),
    ...(keepGitDirectory && subdirectory === undefined ? { keepUrl: nameOfRemote(remote) } : {}),
    read: { directory, below, commitTime, ...(subdirectory === undefined ? {} : { subdirectory }) },
  });
  parts.report.message("info", `Checked out ${fetched.commit} of ${nameOfRemote(remote)}`);
  if (fetched.lfsFiles.length > 0) {
    parts.report.message("info", `Downloading ${fetched.lfsFiles.length} LFS files of ${nameOfRemote(remote)}`);
    await downloadLfsFiles(fetched.lfsFiles, { ...parts, directory, server: await lfsServer(remote, fetched, reach) });
  }
  return fetched;
}

function tellSkipped({ path }: FoundSubmodule, report: Report): void {
  report.message(
    "warn",
    `The submodule "${displayPath(path)}" is an empty directory; --git recurse-submodules=true fetches submodules`,
  );
}

/** Where the repository came by HTTP, its host's ssh URLs mean the same by HTTP: the credentials are for that. */
function byTheSameWay(remote: GitRemote, named: GitRemote): GitRemote {
  if (remote.kind !== "ssh" || named.kind !== "http" || remote.host !== named.url.hostname) return remote;
  const url = new URL(named.url);
  url.pathname = `/${remote.path.replace(/^\/+/, "")}`;
  url.search = "";
  return { kind: "http", url };
}

/** Tells whether a repository is on the server that the user named. */
export function isSameHost(remote: GitRemote, named: GitRemote): boolean {
  if (remote.kind === "http" && named.kind === "http") return remote.url.origin === named.url.origin;
  return remote.kind === "ssh" && named.kind === "ssh" && remote.host === named.host && remote.port === named.port;
}
