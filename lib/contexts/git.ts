/**
 * A git repository as build context: one commit of it, without its history.
 *
 * Credentials are BuildKit's secrets `GIT_AUTH_HEADER` and `GIT_AUTH_TOKEN`, with `.HOST` or without (dockerfile.md 3.4);
 * then kaniko's (kaniko.md 2.3): `GIT_TOKEN` as the user with an empty password, else `GIT_USERNAME` and `GIT_PASSWORD`,
 * else what stands in the URL. They go to the host of the URL and to no other.
 *
 * @module
 */
import type { Reach } from "../http/reach.ts";
import { createTransport, type TlsOptions, type Transport } from "../http/transport.ts";
import { KilnError } from "../errors.ts";
import { trustedCertificates } from "../http/trusted_certificates.ts";
import { bytePathOf, textOf } from "../io/byte_path.ts";
import { fetchRepository, type WantedRepository } from "../git/fetch_repository.ts";
import { findLfsServer } from "../git/lfs_server.ts";
import type { FetchedCommit } from "../git/fetch_commit.ts";
import type { LfsServer } from "../git/lfs_parts.ts";
import { sshRemote } from "../git/parse_remote.ts";
import { type BasicCredential, type GitRemote, nameOfRemote, type SshRemote } from "../git/remote.ts";
import { askLfsAuthentication, type SshOptions, sshServer } from "../git/ssh.ts";
import { basicAuthorization, smartHttpServer } from "../git/smart_http.ts";
import type { GitServer } from "../git/server.ts";
import type { GitLocation } from "./context_location.ts";
import type { ContextSource, FetchParts, SourceParts } from "./context_source.ts";
import { DownloadMeter } from "./download_meter.ts";
import { checkSize } from "./size_limit.ts";

/** What only some users of a repository ask for. */
export interface GitSourceOptions {
  /** Whether to make a `.git` directory; else `BUILDKIT_CONTEXT_KEEP_GIT_DIR` in the environment says it. */
  readonly keepGitDirectory?: boolean;
  /** Whether files get the time of the commit, not of now. */
  readonly commitTime?: boolean;
  /** The first digits of the commit. */
  readonly commitPrefix?: string;
}

/** Makes the source of a git context. */
export function createGitSource(
  location: GitLocation,
  parts: SourceParts,
  options: GitSourceOptions = {},
): ContextSource {
  const repository = remoteOf(location);
  const name = nameOfRemote(repository);
  const description = `the git repository "${name}"`;
  const keepGitDirectory = options.keepGitDirectory ??
    /^(?:1|t|true)$/i.test(parts.environment("BUILDKIT_CONTEXT_KEEP_GIT_DIR") ?? "");
  return {
    description,
    async fetch(fetch: FetchParts): Promise<void> {
      const authorization = repository.kind === "http" ? await authorizationOf(location.url, parts) : undefined;
      const transport = createGitTransport(location, parts);
      const scratch = await Deno.makeTempDir({ dir: textOf(fetch.scratch) ?? fetch.scratch, prefix: "git-" });
      let received = 0;
      const meter = new DownloadMeter({ what: description, clock: parts.clock, report: fetch.report });
      const ssh = sshOptionsOf(location, parts);
      const connection = { transport, authorization, named: repository, ssh, signal: fetch.signal };
      try {
        const { time } = await fetchRepository({
          ...wantedOf(location, repository),
          keepGitDirectory,
          commitTime: options.commitTime ?? false,
          ...(options.commitPrefix === undefined ? {} : { commitPrefix: options.commitPrefix }),
        }, {
          connect: (remote, reach) => connect(remote, { ...connection, reach }),
          lfsServer: (remote, commit, reach) => lfsServerOf(remote, { ...connection, reach, commit }),
          transport,
          count: (bytes) => {
            checkSize(received += bytes, { maxBytes: fetch.limits.maxBytes, what: description });
            meter.add(bytes);
          },
          directory: fetch.directory,
          scratch: bytePathOf(scratch),
          readPack: (request) => fetch.pool.run("readGitPack", request),
          report: fetch.report,
          signal: fetch.signal,
        });
        meter.finish();
        if (time !== undefined) fetch.onTime?.(new Date(time * 1000));
      } finally {
        transport.close();
        await Deno.remove(scratch, { recursive: true });
      }
    },
  };
}

interface Connection {
  readonly transport: Transport;
  /** The value of the header. A secret. */
  readonly authorization: string | undefined;
  /** The repository the credentials are for. */
  readonly named: GitRemote;
  readonly ssh: SshOptions;
  readonly signal: AbortSignal;
}

function connect(remote: GitRemote, connection: Connection & { readonly reach: Reach }): GitServer {
  if (remote.kind === "ssh") return sshServer(remote, sshOptionsFor(remote, connection));
  const { transport, reach } = connection;
  return smartHttpServer(remote.url, { transport, reach, ...authorizationFor(remote.url, connection) });
}

/** Credentials are for the origin of the repository that the user named. */
function authorizationFor(
  url: URL,
  { authorization, named }: Pick<Connection, "authorization" | "named">,
): { readonly authorization?: string } {
  if (authorization === undefined || named.kind === "ssh" || url.origin !== named.url.origin) return {};
  return { authorization };
}

/** The key that was given is for the host that was named; other hosts get what the user's own settings have for them. */
function sshOptionsFor(remote: SshRemote, { ssh, named }: Pick<Connection, "ssh" | "named">): SshOptions {
  if (named.kind === "ssh" && named.host === remote.host) return ssh;
  const { keyFile: _own, ...others } = ssh;
  return others;
}

async function lfsServerOf(
  remote: GitRemote,
  { commit, reach, ...connection }: Connection & { readonly commit: FetchedCommit; readonly reach: Reach },
): Promise<LfsServer> {
  const { lfsConfig: config, neighbours } = commit;
  const headersFor = (url: URL) => authorizationFor(url, connection);
  if (remote.kind === "http") return findLfsServer({ repository: remote.url, config, reach, neighbours, headersFor });
  const options = { ...sshOptionsFor(remote, connection), signal: connection.signal };
  const found = await askLfsAuthentication(remote, options);
  if (found !== undefined) return { ...found, reach, neighbours };
  const repository = new URL(`https://${remote.host.includes(":") ? `[${remote.host}]` : remote.host}/`);
  repository.pathname = `/${remote.path.replace(/^[~/]+/, "")}`;
  return findLfsServer({ repository, config, reach, neighbours, headersFor });
}

function sshOptionsOf({ options }: GitLocation, { environment }: SourceParts): SshOptions {
  const known = ["PATH", "HOME", "USER", "LOGNAME", "SSH_AUTH_SOCK"].flatMap((name) => {
    const value = environment(name);
    return value === undefined ? [] : [[name, value] as const];
  });
  return {
    environment: Object.fromEntries(known),
    ...(options.sshKey === undefined ? {} : { keyFile: options.sshKey }),
    ...(options.sshKnownHosts === undefined ? {} : { knownHostsFile: options.sshKnownHosts }),
  };
}

function remoteOf({ url, scpStyle }: GitLocation): GitRemote {
  if (url.protocol !== "ssh:") return { kind: "http", url: withoutUser(url) };
  const remote = sshRemote(url);
  return scpStyle === true ? { ...remote, path: remote.path.replace(/^\//, "") } : remote;
}

function wantedOf(
  { ref, commit, options, subdirectory }: GitLocation,
  remote: GitRemote,
): Omit<WantedRepository, "keepGitDirectory" | "commitTime"> {
  return {
    remote,
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

/** Returns the `Authorization` header for the repository that the user named. */
async function authorizationOf(url: URL, { environment, secret, reveal }: SourceParts): Promise<string | undefined> {
  const header = await firstSecret([`GIT_AUTH_HEADER.${url.hostname}`, "GIT_AUTH_HEADER"], secret);
  const token = await firstSecret([`GIT_AUTH_TOKEN.${url.hostname}`, "GIT_AUTH_TOKEN"], secret);
  const credential = token === undefined
    ? kanikoCredential(url, environment)
    : { username: "x-access-token", password: token };
  if (header === undefined && credential === undefined) return undefined;
  const value = header ?? (credential === undefined ? "" : basicAuthorization(credential));
  reveal(value);
  reveal(value.slice(value.indexOf(" ") + 1));
  // A user name without a password is a token.
  if (credential !== undefined) reveal(credential.password === "" ? credential.username : credential.password);
  return value;
}

async function firstSecret(ids: readonly string[], secret: SourceParts["secret"]): Promise<string | undefined> {
  for (const id of ids) {
    const bytes = await secret(id);
    if (bytes !== undefined) return new TextDecoder().decode(bytes).trim();
  }
  return undefined;
}

function kanikoCredential(url: URL, environment: SourceParts["environment"]): BasicCredential | undefined {
  const token = environment("GIT_TOKEN") ?? "";
  const [username, password] = [environment("GIT_USERNAME") ?? "", environment("GIT_PASSWORD") ?? ""];
  const credential = token !== ""
    ? { username: token, password: "" }
    : username !== "" || password !== ""
    ? { username, password }
    : { username: decode(url.username), password: decode(url.password) };
  return credential.username === "" && credential.password === "" ? undefined : credential;
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
