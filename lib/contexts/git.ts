/**
 * A git repository as build context: one commit of it, without its history.
 *
 * Credentials are kaniko's (kaniko.md 2.3): `GIT_TOKEN` as the user with an empty password, else `GIT_USERNAME` and
 * `GIT_PASSWORD`, else what stands in the URL. They go to the host of the URL and to no other.
 *
 * @module
 */
import type { Reach } from "../http/reach.ts";
import { createTransport, type TlsOptions, type Transport } from "../http/transport.ts";
import { KilnError } from "../errors.ts";
import { bytePathOf, textOf } from "../io/byte_path.ts";
import { fetchRepository, type WantedRepository } from "../git/fetch_repository.ts";
import { findLfsServer } from "../git/lfs_server.ts";
import type { BasicCredential, GitRemote } from "../git/remote.ts";
import { basicAuthorization, smartHttpServer } from "../git/smart_http.ts";
import type { GitServer } from "../git/server.ts";
import type { GitLocation } from "./context_location.ts";
import type { ContextSource, FetchParts, SourceParts } from "./context_source.ts";
import { trustedCertificates } from "./trusted_certificates.ts";

/** What only some users of a repository ask for. */
export interface GitSourceOptions {
  /** Whether to make a `.git` directory; else `BUILDKIT_CONTEXT_KEEP_GIT_DIR` in the environment says it. */
  readonly keepGitDirectory?: boolean;
  /** Whether files get the time of the commit, not of now. */
  readonly commitTime?: boolean;
}

/** Makes the source of a git context. */
export function createGitSource(
  location: GitLocation,
  parts: SourceParts,
  options: GitSourceOptions = {},
): ContextSource {
  const repository = withoutUser(location.url);
  const description = `the git repository "${repository.href}"`;
  const keepGitDirectory = options.keepGitDirectory ??
    /^(?:1|t|true)$/i.test(parts.environment("BUILDKIT_CONTEXT_KEEP_GIT_DIR") ?? "");
  return {
    description,
    async fetch(fetch: FetchParts): Promise<void> {
      const credential = credentialOf(location.url, parts);
      const transport = createGitTransport(location, parts);
      const scratch = await Deno.makeTempDir({ dir: textOf(fetch.scratch) ?? fetch.scratch, prefix: "git-" });
      try {
        await fetchRepository({
          ...wantedOf(location, repository),
          keepGitDirectory,
          commitTime: options.commitTime ?? false,
        }, {
          connect: (remote, reach) => connect(remote, { reach, transport, credential, named: repository }),
          lfsServer: (remote, { lfsConfig: config, neighbours }, reach) => {
            if (remote.kind === "ssh") throw new KilnError("usage", "Cannot use ssh yet");
            const headersFor = (url: URL) => authorizationFor(url, { credential, named: repository });
            return findLfsServer({ repository: remote.url, config, reach, neighbours, headersFor });
          },
          transport,
          directory: fetch.directory,
          scratch: bytePathOf(scratch),
          readPack: (request) => fetch.pool.run("readGitPack", request),
          report: fetch.report,
          signal: fetch.signal,
        });
      } finally {
        transport.close();
        await Deno.remove(scratch, { recursive: true });
      }
    },
  };
}

interface ConnectOptions {
  readonly reach: Reach;
  readonly transport: Transport;
  readonly credential: BasicCredential | undefined;
  /** The repository the credential is for. */
  readonly named: URL;
}

function connect(remote: GitRemote, { reach, transport, credential, named }: ConnectOptions): GitServer {
  if (remote.kind === "ssh") throw new KilnError("usage", "Cannot use ssh yet");
  return smartHttpServer(remote.url, { transport, reach, ...authorizationFor(remote.url, { credential, named }) });
}

/** The credential is for the origin of the repository that the user named. */
function authorizationFor(
  url: URL,
  { credential, named }: Pick<ConnectOptions, "credential" | "named">,
): { readonly authorization?: string } {
  if (credential === undefined || url.origin !== named.origin) return {};
  return { authorization: basicAuthorization(credential) };
}

function wantedOf(
  { ref, commit, options, subdirectory }: GitLocation,
  repository: URL,
): Omit<WantedRepository, "keepGitDirectory" | "commitTime"> {
  return {
    remote: { kind: "http", url: repository },
    submodules: options.recurseSubmodules,
    depth: options.depth === 0 ? 1 : options.depth,
    ...(subdirectory === undefined ? {} : { subdirectory: bytePathOf(subdirectory) }),
    ...(options.branch !== undefined
      ? { reference: options.branch, among: "branch" as const }
      : ref === undefined
      ? {}
      : { reference: ref }),
    ...(commit === undefined ? {} : { commit }),
  };
}

/** Certificates are verified everywhere; only the host the user named may be exempt. */
function createGitTransport({ url, options }: GitLocation, { environment, userAgent }: SourceParts): Transport {
  const ca = trustedCertificates(environment);
  return createTransport({
    environment,
    userAgent,
    tls: (host): TlsOptions => ({
      ...(ca === undefined ? {} : { ca }),
      ...(options.insecureSkipTls && host === url.host ? { rejectUnauthorized: false } : {}),
    }),
  });
}

function credentialOf(url: URL, { environment, reveal }: SourceParts): BasicCredential | undefined {
  const token = environment("GIT_TOKEN") ?? "";
  const [username, password] = [environment("GIT_USERNAME") ?? "", environment("GIT_PASSWORD") ?? ""];
  const credential = token !== ""
    ? { username: token, password: "" }
    : username !== "" || password !== ""
    ? { username, password }
    : { username: decode(url.username), password: decode(url.password) };
  if (credential.username === "" && credential.password === "") return undefined;
  // A user name alone is a token; beside a password it is none.
  for (const secret of [credential.password === "" ? credential.username : credential.password]) reveal(secret);
  return credential;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new KilnError("usage", "Cannot use the user in the URL of the context: its percent-encoding is wrong");
  }
}

function withoutUser(url: URL): URL {
  const bare = new URL(url);
  bare.username = bare.password = "";
  return bare;
}
