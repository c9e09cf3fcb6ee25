/**
 * From what ADD and named contexts call a remote source to what fetches it.
 *
 * @module
 */
import type { GitLocation, GitOptions } from "../contexts/context_location.ts";
import type { GitSourceOptions } from "../contexts/git.ts";
import { makeGitLocation } from "../contexts/git_location.ts";
import type { RemoteTree, RemoteTrees } from "../contexts/remote_trees.ts";
import type { GitSource } from "../dockerfile/values/git_source.ts";
import { KilnError } from "../errors.ts";
import type { RemoteSource } from "../instructions/step.ts";

/** Fetches the source of an ADD. @throws {KilnError} kind `dockerfile`, if it names no source; or as fetching does */
export async function fetchRemote(source: RemoteSource, trees: RemoteTrees): Promise<RemoteTree> {
  if (source.kind === "git") {
    const { location, options } = locateGitSource(source.git);
    return await trees.context(location, options);
  }
  const url = URL.parse(source.url);
  if (url === null) throw new KilnError("dockerfile", "Cannot fetch the source: it is not a URL");
  const { checksum } = source;
  return await trees.file(url, checksum === undefined ? undefined : { checksum, flag: "--checksum" });
}

/** Returns where a git source is and how it is fetched. @throws {KilnError} kind `dockerfile` */
export function locateGitSource(
  source: GitSource,
): { readonly location: GitLocation; readonly options: GitSourceOptions } {
  const { checksum, fetchByCommit } = source;
  const options: GitOptions = {
    singleBranch: true,
    depth: 0,
    recurseSubmodules: source.submodules,
    insecureSkipTls: false,
  };
  const refuse = (why: string, hint?: string): KilnError =>
    new KilnError("dockerfile", `Cannot use the git source: ${why}`, hint === undefined ? {} : { hint });
  const location = makeGitLocation({
    remote: source.remote,
    ref: fetchByCommit ? "" : source.ref ?? "",
    subdirectory: source.subdirectory ?? "",
    commit: fetchByCommit ? checksum ?? "" : "",
    options,
  }, refuse);
  return {
    location,
    options: {
      keepGitDirectory: source.keepGitDir ?? false,
      commitTime: source.commitTime,
      ...(checksum === undefined ? {} : { commitPrefix: checksum }),
    },
  };
}
