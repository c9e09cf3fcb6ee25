/**
 * Where a repository is, in the two ways there are to one: HTTP and ssh.
 *
 * @module
 */

/** A repository's place. */
export type GitRemote = HttpRemote | SshRemote;

/** A repository on an HTTP server. */
export interface HttpRemote {
  readonly kind: "http";
  /** Without user, password and fragment. */
  readonly url: URL;
}

/** A repository that is reached by ssh. */
export interface SshRemote {
  readonly kind: "ssh";
  readonly user?: string;
  readonly host: string;
  readonly port?: number;
  /** As git gives it to git-upload-pack: absolute, or relative to the home directory of the user. */
  readonly path: string;
}

/** A user and a password. */
export interface BasicCredential {
  readonly username: string;
  readonly password: string;
}

/** Returns how a remote is shown to people: without credentials, which a query may hold. */
export function nameOfRemote(remote: GitRemote): string {
  if (remote.kind === "http") return `${remote.url.origin}${remote.url.pathname}`;
  const user = remote.user === undefined ? "" : `${remote.user}@`;
  const host = remote.host.includes(":") ? `[${remote.host}]` : remote.host;
  const port = remote.port === undefined ? "" : `:${remote.port}`;
  return `ssh://${user}${host}${port}/${remote.path.replace(/^\//, "")}`;
}
