/**
 * What tests of git contexts share: a folder with repositories, a server for them, and fetching from it.
 *
 * @module
 */
import assert from "node:assert/strict";
import { KilnError } from "../../lib/errors.ts";
import { fetchGit, type GitFetch, type GitFetched } from "./git_fetch.ts";
import { makeRepository, type TestRepository } from "./git_repository.ts";
import { type GitServerOptions, type GitTestServer, startGitServer } from "./git_server.ts";

/** A folder of one test's own, a server for what is below it, and fetching from it. */
export async function gitSite(
  options: Partial<GitServerOptions> = {},
): Promise<
  AsyncDisposable & {
    readonly root: string;
    readonly server: GitTestServer;
    fetch(name: string, request?: Partial<GitFetch>): Promise<GitFetched>;
  }
> {
  const root = await Deno.makeTempDir({ prefix: "kiln-git-" });
  const server = await startGitServer({ root, ...options });
  return {
    root,
    server,
    fetch: (name, request = {}) => fetchGit(root, { url: server.url(name), ...request }),
    async [Symbol.asyncDispose](): Promise<void> {
      await server[Symbol.asyncDispose]();
      await Deno.remove(root, { recursive: true });
    },
  };
}

/** Writes text files, and the folders they are in. */
export async function writeFiles(folder: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await Deno.mkdir(`${folder}/${name}`.replace(/\/[^/]*$/, ""), { recursive: true });
    await Deno.writeTextFile(`${folder}/${name}`, text);
  }
}

/** A repository with one file and one commit. */
export async function smallRepository(
  root: string,
  name = "app",
  files: Readonly<Record<string, string>> = { "f": "one\n" },
): Promise<TestRepository & { readonly first: string }> {
  const repository = await makeRepository(root, name);
  await writeFiles(repository.work, files);
  return { ...repository, first: await repository.commit("first") };
}

/** Returns the error for people that some work ends with. */
export async function refusal(work: Promise<unknown>): Promise<KilnError> {
  try {
    await work;
  } catch (error) {
    assert(error instanceof KilnError, `not a KilnError: ${error instanceof Error ? error.stack : error}`);
    return error;
  }
  throw new assert.AssertionError({ message: "nothing was refused" });
}
