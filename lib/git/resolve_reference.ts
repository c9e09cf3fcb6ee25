/**
 * What a name stands for on the server.
 *
 * @module
 */
import { KilnError } from "../errors.ts";
import type { RemoteReference } from "./advertisement.ts";
import { listReferences } from "./list_references.ts";
import type { ObjectId } from "./object_id.ts";
import type { GitConversation } from "./server.ts";

/** What a name stands for. */
export interface ResolvedReference {
  /** The whole name: `refs/heads/main`. */
  readonly name: string;
  /** What it is: a commit, or an annotated tag. */
  readonly id: ObjectId;
  /** The commit, if the server told what a tag stands for, else the same as `id`. */
  readonly commit: ObjectId;
}

/** How to look a name up. */
export interface ResolveOptions {
  /** The repository, for messages. */
  readonly repository: string;
  /** "branch": only branches and tags are looked at, as for `--git branch`. */
  readonly among: "all" | "branch";
}

/**
 * Looks a name up; undefined stands for the remote's HEAD. A whole name is that reference; of what a short one may mean,
 * `refs/NAME` comes first (`pull/1/head`), then a branch, then a tag, as in BuildKit and git checkout.
 *
 * @throws {KilnError} kind `context`, if there is none.
 */
export async function resolveReference(
  conversation: GitConversation,
  name: string | undefined,
  { repository, among }: ResolveOptions,
): Promise<ResolvedReference> {
  const candidates = candidatesOf(name, among);
  const found = await listReferences(conversation, candidates);
  for (const candidate of candidates) {
    const reference = found.find(({ name }) => name === candidate);
    if (reference !== undefined) return resolved(reference);
  }
  if (name === undefined || name === "HEAD") {
    throw new KilnError("context", `Cannot find the HEAD of ${repository}: the repository has no commit there`, {
      hint: "name a branch: URL#BRANCH",
    });
  }
  const kinds = among === "branch" ? "branch or tag" : "branch, tag or other reference";
  throw new KilnError("context", `Cannot find "${name}" in ${repository}: it has no ${kinds} of this name`);
}

function candidatesOf(name: string | undefined, among: ResolveOptions["among"]): readonly string[] {
  if (name === undefined || name === "HEAD") return ["HEAD"];
  if (name.startsWith("refs/")) return [name];
  const usual = [`refs/heads/${name}`, `refs/tags/${name}`];
  return among === "branch" ? usual : [`refs/${name}`, ...usual];
}

function resolved({ name, id, peeled, target }: RemoteReference): ResolvedReference {
  return { name: target ?? name, id, commit: peeled ?? id };
}
