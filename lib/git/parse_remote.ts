/**
 * From the text of a repository's place to the place: the URLs of submodules, absolute and relative.
 *
 * Only https, http and ssh are ways to a repository. `file`, `ext::` and whatever else git would run a program for are
 * refused (S46).
 *
 * @module
 */
import { KilnError } from "../errors.ts";
import { printable } from "./printable.ts";
import type { GitRemote, SshRemote } from "./remote.ts";

/** `user@host:path`; a host is never taken for an option, as it starts with a letter or digit. */
const SCP_STYLE = /^(?:([A-Za-z0-9_][A-Za-z0-9._-]*)@)?([A-Za-z0-9][A-Za-z0-9.-]*|\[[0-9a-fA-F:]+\]):(?!\/\/)(.+)$/;

/**
 * Reads the place of a submodule.
 *
 * @param parent the repository it is a submodule of, which relative URLs are relative to.
 * @throws {KilnError} kind `context`; credentials in the URL are dropped and never shown.
 */
export function parseRemote(text: string, parent: GitRemote): GitRemote {
  if (text.startsWith("./") || text.startsWith("../")) return relativeRemote(text, parent);
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):\/\//.exec(text)?.[1]?.toLowerCase();
  if (scheme === undefined) {
    const [, user, host = "", path = ""] = SCP_STYLE.exec(text) ?? [];
    if (host === "" || text.includes("::")) throw refused("it is neither https, http nor ssh");
    return checked({ kind: "ssh", host: bare(host), path, ...(user === undefined ? {} : { user }) });
  }
  const url = URL.parse(text);
  if (url === null) throw refused("its URL is malformed");
  switch (scheme) {
    case "https":
    case "http":
      url.username = url.password = url.hash = "";
      return { kind: "http", url };
    case "git": {
      // The git protocol has neither encryption nor authentication and is gone from public hosts: kaniko means https.
      const secure = new URL(`https:${url.href.slice("git:".length)}`);
      secure.username = secure.password = secure.hash = "";
      return { kind: "http", url: secure };
    }
    case "ssh":
    case "git+ssh":
    case "ssh+git":
      return sshRemote(url);
    default:
      throw refused(`"${printable(scheme)}" is not a way to a repository that is used here`);
  }
}

/** Makes the remote of an `ssh://` URL. @throws {KilnError} kind `context` */
export function sshRemote(url: URL): SshRemote {
  return checked({
    kind: "ssh",
    host: bare(url.hostname),
    path: decoded(url.pathname).replace(/^\/(?=~)/, ""),
    ...(url.username === "" ? {} : { user: decoded(url.username) }),
    ...(url.port === "" ? {} : { port: Number(url.port) }),
  });
}

function relativeRemote(text: string, parent: GitRemote): GitRemote {
  const path = parent.kind === "http" ? parent.url.pathname : parent.path;
  const names = path.replace(/\/+$/, "").split("/");
  for (const name of text.replace(/\/+$/, "").split("/")) {
    if (name === "." || name === "") continue;
    if (name !== "..") {
      names.push(name);
      continue;
    }
    const dropped = names.pop();
    if (dropped === undefined || dropped === "") throw refused("its relative URL leads above the host");
  }
  const joined = names.join("/");
  if (parent.kind === "ssh") return checked({ ...parent, path: joined });
  const url = new URL(parent.url);
  url.pathname = joined;
  return { kind: "http", url };
}

/** ssh(1) takes a user or host that starts with "-" for an option (CVE-2017-1000117). */
function checked(remote: SshRemote): SshRemote {
  const suspicious = [remote.host, remote.user ?? "", remote.path].some((part) => part.startsWith("-"));
  // deno-lint-ignore no-control-regex -- control characters are what is refused
  const broken = /[\x00-\x20\x7f]/.test(`${remote.host}${remote.user ?? ""}`) || /[\x00-\x1f\x7f]/.test(remote.path);
  if (suspicious || broken || remote.host === "" || remote.path === "") throw refused("its ssh URL is malformed");
  return remote;
}

function bare(host: string): string {
  return host.startsWith("[") && host.endsWith("]") ? host.slice(1, -1) : host;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw refused("its URL is malformed");
  }
}

function refused(found: string): KilnError {
  return new KilnError("context", `Cannot use the place of a repository: ${found}`);
}
