/**
 * Fetching one commit of a repository into a directory.
 *
 * One commit is asked for without its history. What breaks off is tried again from the start (smart HTTP cannot resume);
 * nothing is written to the directory before the whole pack is there and sound.
 *
 * @module
 */
import { KilnError } from "../errors.ts";
import { type BytePath, textOf } from "../io/byte_path.ts";
import type { Reach } from "../http/reach.ts";
import type { Report } from "../report/report.ts";
import { explainFault } from "./fault.ts";
import { listReferences } from "./list_references.ts";
import { isObjectId, isSha256Id, type ObjectId } from "./object_id.ts";
import { ServerRefusal } from "./packet.ts";
import type { ReadPackRequest, ReadPackResult } from "./read_pack.ts";
import { requestPack } from "./request_pack.ts";
import { type ResolvedReference, resolveReference } from "./resolve_reference.ts";
import type { GitConversation, GitServer } from "./server.ts";
import { spoolPack } from "./spool_pack.ts";
import { pausesOf } from "./try_again.ts";

/** What to fetch. */
export interface WantedCommit {
  /** A branch, tag or other reference, or the 40 digits of a commit; absent: HEAD. */
  readonly reference?: string;
  /** Whether the reference is only looked for among branches and tags. */
  readonly among?: "all" | "branch";
  /** The commit that it has to be, whatever the reference stands for. */
  readonly commit?: ObjectId;
  /** Commits of history to fetch with it, itself included; 1 unless told. */
  readonly depth?: number;
}

/** Where to put it, and what with. */
export interface FetchCommitParts {
  readonly server: GitServer;
  /** An existing directory of our own for the pack. */
  readonly scratch: BytePath;
  /** Runs `readPack` in a Worker. */
  readonly readPack: (request: ReadPackRequest) => Promise<ReadPackResult>;
  /** What the Worker is to do with the commit. */
  readonly read: Pick<ReadPackRequest, "directory" | "below" | "commitTime" | "subdirectory">;
  /** Set to make a `.git` directory that names this URL. */
  readonly keepUrl?: string;
  /** Told of every byte that is downloaded; throws if there are too many. */
  readonly count: (bytes: number) => void;
  readonly report: Report;
  readonly signal: AbortSignal;
}

/** What was fetched. */
export interface FetchedCommit extends ReadPackResult {
  readonly commit: ObjectId;
  /** The reference it was found by, if by one. */
  readonly reference?: string;
  /** How near the servers may be that this commit names. */
  readonly neighbours: Reach;
}

/** How deep to look for a commit that the server does not give by its name; undefined: all of the history. */
const DEPTHS: readonly (number | undefined)[] = [50, 1_000, undefined];
/** More branches and tags are not searched for a commit. */
const MAX_TIPS = 20_000;

/**
 * Fetches and checks out one commit.
 *
 * @throws {KilnError} kind `context` for a reference or commit that is not there, `registry`, `denied`, `integrity`,
 *   `disk`.
 */
export async function fetchCommit(wanted: WantedCommit, parts: FetchCommitParts): Promise<FetchedCommit> {
  const { server, report, signal } = parts;
  const action = `fetch ${server.name}`;
  const backoff = pausesOf(action, { report, signal });
  let moved = 0;
  for (;;) {
    try {
      return await attempt(wanted, parts, `${backoff.tries}-${moved}`);
    } catch (error) {
      // A branch was moved between our two requests, and what it was is gone (F36): it is looked up anew, twice.
      if (error instanceof MovedError && moved++ < 2) continue;
      const fault = error instanceof MovedError ? error.refusal : error;
      try {
        await backoff.pause(fault);
      } catch (final) {
        throw explainFault(final, action);
      }
    }
  }
}

/** The server does not have what it said a reference stands for. */
class MovedError extends Error {
  readonly refusal: ServerRefusal;

  constructor(refusal: ServerRefusal) {
    super(refusal.message);
    this.refusal = refusal;
  }
}

async function attempt(wanted: WantedCommit, parts: FetchCommitParts, label: string): Promise<FetchedCommit> {
  const { server, signal } = parts;
  const id = wanted.commit ?? idIn(wanted.reference);
  await using conversation = await server.open(signal);
  if (id !== undefined) return await fetchById(id, { wanted, conversation, parts, label });
  const reference = await resolveReference(conversation, wanted.reference, {
    repository: server.name,
    among: wanted.among ?? "all",
  });
  try {
    // Of a tag, only a repository that is kept needs more than the commit.
    const id = parts.keepUrl === undefined ? reference.commit : reference.id;
    const request = { wants: [id], depth: wanted.depth ?? 1, reference };
    const fetched = await fetchPack(id, request, { conversation, parts, label });
    if (fetched.commit !== undefined) {
      return { ...fetched, commit: fetched.commit, reference: reference.name, neighbours: conversation.neighbours };
    }
  } catch (error) {
    throw error instanceof ServerRefusal ? new MovedError(error) : error;
  }
  throw new KilnError("integrity", `Cannot use the answer of ${server.name}: it did not send "${reference.name}"`);
}

function idIn(reference: string | undefined): ObjectId | undefined {
  const text = reference?.toLowerCase() ?? "";
  if (isSha256Id(text)) {
    throw new KilnError("context", `Cannot fetch the commit ${text}: repositories with SHA-256 are not supported`);
  }
  return isObjectId(text) ? text : undefined;
}

interface Attempt {
  readonly conversation: GitConversation;
  readonly parts: FetchCommitParts;
  readonly label: string;
}

async function fetchById(
  id: ObjectId,
  { wanted, ...work }: Attempt & { readonly wanted: WantedCommit },
): Promise<FetchedCommit> {
  const { server, report } = work.parts;
  try {
    const fetched = await fetchPack(id, { wants: [id], depth: wanted.depth ?? 1 }, work);
    if (fetched.commit !== undefined) {
      return { ...fetched, commit: fetched.commit, neighbours: work.conversation.neighbours };
    }
  } catch (error) {
    if (!(error instanceof ServerRefusal)) throw error;
    report.message("debug", `${server.name} does not give the commit ${id} by its name: ${error.message}`);
  }
  // Some servers give only what a reference points to: it is looked for in the history.
  for (const [at, depth] of DEPTHS.entries()) {
    await using conversation = await server.open(work.parts.signal);
    const tips = await tipsFor(wanted, conversation, server);
    if (tips.length === 0) break;
    const fetched = await fetchPack(id, { wants: tips, depth }, {
      ...work,
      conversation,
      label: `${work.label}-${at}`,
    });
    if (fetched.commit !== undefined) {
      return { ...fetched, commit: fetched.commit, neighbours: conversation.neighbours };
    }
  }
  throw new KilnError("context", `Cannot find the commit ${id} in ${server.name}: the server does not have it`);
}

/** Where to start looking for a commit: at the reference given with it, else everywhere. */
async function tipsFor(
  wanted: WantedCommit,
  conversation: GitConversation,
  server: GitServer,
): Promise<readonly ObjectId[]> {
  if (wanted.reference !== undefined && idIn(wanted.reference) === undefined) {
    const options = { repository: server.name, among: wanted.among ?? "all" } as const;
    return [(await resolveReference(conversation, wanted.reference, options)).commit];
  }
  const references = await listReferences(conversation, ["HEAD", "refs/heads/", "refs/tags/"]);
  return [...new Set(references.map(({ id, peeled }): ObjectId => peeled ?? id))].slice(0, MAX_TIPS);
}

async function fetchPack(
  id: ObjectId,
  { wants, depth, reference }: {
    readonly wants: readonly ObjectId[];
    readonly depth: number | undefined;
    readonly reference?: ResolvedReference;
  },
  { conversation, parts, label }: Attempt,
): Promise<ReadPackResult> {
  const { report, scratch, read, keepUrl: url } = parts;
  const answer = await requestPack(conversation, {
    wants,
    ...(depth === undefined ? {} : { depth }),
    onProgress: (line) => report.message("debug", `${parts.server.name}: ${line}`),
  });
  const { shallow } = answer;
  const keep = url === undefined ? {} : { keep: { url, shallow, ...(reference === undefined ? {} : { reference }) } };
  const pack = `${textOf(scratch) ?? scratch}/${label}.pack`;
  try {
    return await spoolPack(
      answer.pack,
      pack,
      {
        count: parts.count,
        read: (progress) => parts.readPack({ ...read, ...keep, pack, progress, scratch, id }),
      },
    );
  } finally {
    // Makes room for another try; if that fails, it goes with the scratch directory.
    await Deno.remove(pack).catch(() => {});
  }
}
