/**
 * Where the LFS server of a repository is: git-lfs(7), docs/api/server-discovery.md.
 *
 * @module
 */
import { KilnError } from "../errors.ts";
import type { Reach } from "../http/reach.ts";
import { parseConfig } from "./config_file.ts";
import type { LfsServer } from "./lfs_parts.ts";
import { asNearAs } from "./neighbours.ts";

/** What is known of the repository. */
export interface LfsContext {
  /** The HTTP URL of the repository. */
  readonly repository: URL;
  /** The text of `.lfsconfig`. */
  readonly config: string | undefined;
  /** How near the repository may be, and the servers it names. */
  readonly reach: Reach;
  readonly neighbours: Reach;
  /** Returns the headers to send to a host, with the credentials that are for it. */
  readonly headersFor: (url: URL) => Readonly<Record<string, string>>;
}

/**
 * Finds the server: `lfs.url` of `.lfsconfig`, else `REPOSITORY.git/info/lfs`.
 *
 * @throws {KilnError} kind `context`, if `.lfsconfig` names what is not used.
 */
export function findLfsServer(context: LfsContext): LfsServer {
  const { repository, config, reach, neighbours, headersFor } = context;
  const named = configured(config);
  if (named === undefined) {
    const url = new URL(repository);
    url.pathname = `${url.pathname.replace(/\/+$/, "").replace(/\.git$/, "")}.git/info/lfs`;
    url.search = "";
    return { url, reach, neighbours, headers: headersFor(url) };
  }
  const url = URL.parse(named);
  const downgrade = repository.protocol === "https:" && url?.protocol === "http:";
  if (url === null || !/^https?:$/.test(url.protocol) || downgrade) {
    throw new KilnError("context", "Cannot download the LFS files: lfs.url in .lfsconfig is not a URL that is used");
  }
  url.username = url.password = url.hash = "";
  if (url.origin === repository.origin) return { url, reach, neighbours, headers: headersFor(url) };
  return { url, reach: neighbours, neighbours: asNearAs(url, { reach: neighbours, address: undefined }), headers: {} };
}

function configured(config: string | undefined): string | undefined {
  return parseConfig(config ?? "")?.findLast(({ section, subsection, key }) =>
    section === "lfs" && subsection === "" && key === "url"
  )?.value;
}
