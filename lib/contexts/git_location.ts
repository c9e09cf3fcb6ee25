/**
 * What every way of naming a git repository comes to, and what is refused whatever the way.
 *
 * @module
 */
import type { KilnError } from "../errors.ts";
import type { GitLocation, GitOptions } from "./context_location.ts";

/** A repository as a grammar found it in its text. */
export interface GitParts {
  /** `https://`, `http://` or `ssh://`, without query and fragment, or the short form of ssh. */
  readonly remote: string;
  /** "" for none, as for the next two. */
  readonly ref: string;
  readonly subdirectory: string;
  /** The whole object ID that is checked out in the end. */
  readonly commit: string;
  readonly options: GitOptions;
}

/** Makes an error of what is wrong with the text. */
export type Refuse = (why: string, hint?: string) => KilnError;

/** `git@github.com:owner/repository.git`: the short form of ssh. */
const SCP_STYLE = /^([A-Za-z0-9._-]+)@([A-Za-z0-9.-]+):(?!\/\/)(.+)$/;

/** Tells whether a text is the short form of ssh. */
export function isScpStyle(text: string): boolean {
  return SCP_STYLE.test(text);
}

/** Makes the location. @throws what `refuse` makes */
export function makeGitLocation(parts: GitParts, refuse: Refuse): GitLocation {
  const { ref, commit, options } = parts;
  const [, user, host, path = ""] = SCP_STYLE.exec(parts.remote) ?? [];
  const url = parseUrl(user === undefined ? parts.remote : `ssh://${user}@${host}/${path}`, refuse);
  if (!/^(?:https?|ssh):$/.test(url.protocol)) {
    throw refuse(`"${url.protocol}//" is not spoken here`, "use https:// or ssh://: git:// is not encrypted");
  }
  if (url.pathname === "" || url.pathname === "/") throw refuse("it names no repository");
  // ssh takes a host that begins with "-" for an option (CVE-2017-1000117).
  if (url.hostname.startsWith("-") || url.username.startsWith("-")) throw refuse('its host begins with "-"');
  if (!isReference(ref)) throw refuse("its reference is not one that git allows");
  if (commit !== "" && !/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/i.test(commit)) {
    throw refuse("its commit is not 40 or 64 hexadecimal digits");
  }
  const subdirectory = cleanSubdirectory(parts.subdirectory, refuse);
  return {
    kind: "git",
    url,
    ...(user === undefined || path.startsWith("/") ? {} : { scpStyle: true }),
    ...(ref === "" ? {} : { ref }),
    ...(commit === "" ? {} : { commit: commit.toLowerCase() }),
    ...(subdirectory === "" ? {} : { subdirectory }),
    options,
  };
}

/** Tells whether git-check-ref-format(1) lets a name pass, and it could not be taken for an option (S46). */
export function isReference(ref: string): boolean {
  // deno-lint-ignore no-control-regex -- control characters are among what is refused
  return !/[\x00-\x20\x7f~^:?*[\\]|\.\.|@\{|\/\/|\.lock(?:\/|$)|(?:^|\/)\./.test(ref) && !/^[-/]|[./]$|^@$/.test(ref);
}

function cleanSubdirectory(text: string, refuse: Refuse): string {
  const names = text.split("/").filter((name) => name !== "" && name !== ".");
  if (names.includes("..")) throw refuse('its subdirectory has a ".." in it');
  return names.join("/");
}

function parseUrl(text: string, refuse: Refuse): URL {
  const url = URL.parse(text);
  if (url === null) throw refuse("it is not a URL");
  if (url.hostname === "") throw refuse("it names no host");
  return url;
}
