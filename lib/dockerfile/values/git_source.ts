/**
 * The grammar of a git repository as ADD and named contexts name it (dockerfile.md 3.4): a URL with a query, and a
 * fragment `#ref:subdirectory`.
 *
 * `--context` has kaniko's grammar instead, see contexts/parse_context.ts.
 *
 * @module
 */
import { KilnError } from "../../errors.ts";
import { didYouMean } from "../suggest.ts";
import { parseBoolean } from "./boolean.ts";

/** A repository and what is wanted of it. */
export interface GitSource {
  /** Without query and fragment; may hold a user and a password. */
  readonly remote: string;
  /** A branch, a tag, a full name (`refs/...`) or a commit. Absent: the remote's HEAD. */
  readonly ref?: string;
  readonly subdirectory?: string;
  /** The first digits of the commit, at least one, lower case. */
  readonly checksum?: string;
  /** Absent: not said. */
  readonly keepGitDir?: boolean;
  readonly submodules: boolean;
  /** Whether files get the time of the commit, not of the checkout. */
  readonly commitTime: boolean;
  /** Whether the commit is asked for by its checksum, whatever the reference stands for. */
  readonly fetchByCommit: boolean;
}

const BOOLEANS = ["keep-git-dir", "submodules", "fetch-by-commit"] as const;
const TEXTS = ["ref", "tag", "branch", "subdir", "checksum", "commit", "mtime"] as const;
type Key = typeof BOOLEANS[number] | typeof TEXTS[number];

/**
 * Reads a git source.
 *
 * @throws {KilnError} kind `dockerfile`, for keys that are unknown, doubled, without a value or contradict each other. The
 *   message holds nothing of the URL, which may have a password.
 */
export function parseGitSource(text: string): GitSource {
  const [, remote = "", query = "", fragment = ""] = /^([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/s.exec(text) ?? [];
  const values = parseQuery(query);
  const colon = fragment.indexOf(":");
  const ref = oneOf("references", {
    "the fragment": decode(colon < 0 ? fragment : fragment.slice(0, colon)),
    "ref": values.get("ref"),
    "tag": prefixed("refs/tags/", values.get("tag")),
    "branch": prefixed("refs/heads/", values.get("branch")),
  });
  const subdirectory = oneOf("subdirectories", {
    "the fragment": colon < 0 ? undefined : decode(fragment.slice(colon + 1)),
    "subdir": values.get("subdir"),
  });
  const checksum = oneOf("commits", { "checksum": values.get("checksum"), "commit": values.get("commit") });
  const mtime = values.get("mtime") ?? "checkout";
  if (mtime !== "checkout" && mtime !== "commit") throw refused(`mtime="${mtime}" is neither checkout nor commit`);
  const keepGitDir = booleanIn("keep-git-dir", values);
  const fetchByCommit = booleanIn("fetch-by-commit", values) ?? false;
  if (fetchByCommit && checksum === undefined) throw refused("fetch-by-commit needs a checksum");
  return {
    remote,
    ...(ref === undefined ? {} : { ref }),
    ...(subdirectory === undefined ? {} : { subdirectory }),
    ...(checksum === undefined ? {} : { checksum: parseCommitPrefix(checksum) }),
    ...(keepGitDir === undefined ? {} : { keepGitDir }),
    submodules: booleanIn("submodules", values) ?? true,
    commitTime: mtime === "commit",
    fetchByCommit,
  };
}

/** What flags of ADD say besides. */
export interface GitFlags {
  readonly checksum?: string;
  readonly keepGitDir?: boolean;
}

/** Adds the flags of ADD to what the source says itself. @throws {KilnError} kind `dockerfile`, if they differ */
export function withGitFlags(source: GitSource, flags: GitFlags): GitSource {
  const checksum = flags.checksum === undefined ? undefined : parseCommitPrefix(flags.checksum);
  if (checksum !== undefined && source.checksum !== undefined && checksum !== source.checksum) {
    throw refused(`--checksum and the checksum of the URL differ`);
  }
  const { keepGitDir } = flags;
  if (keepGitDir !== undefined && source.keepGitDir !== undefined && keepGitDir !== source.keepGitDir) {
    throw refused(`--keep-git-dir and the keep-git-dir of the URL differ`);
  }
  return {
    ...source,
    ...(checksum === undefined ? {} : { checksum }),
    ...(keepGitDir === undefined ? {} : { keepGitDir }),
  };
}

/** As Go's net/url reads a query: `+` is a blank, `;` is an error. */
function parseQuery(query: string): ReadonlyMap<Key, string> {
  const values = new Map<Key, string>();
  for (const pair of query === "" ? [] : query.split("&")) {
    const equals = pair.indexOf("=");
    const key = decode((equals < 0 ? pair : pair.slice(0, equals)).replaceAll("+", " "));
    const value = equals < 0 ? "" : decode(pair.slice(equals + 1).replaceAll("+", " "));
    if (pair.includes(";")) throw refused('its query has a ";"');
    if (!isKey(key)) throw refused(`"${key}" is no key of its query`, didYouMean(key, [...TEXTS, ...BOOLEANS]));
    if (values.has(key)) throw refused(`"${key}" stands twice in its query`);
    if (value === "" && !isBoolean(key)) throw refused(`"${key}" has no value in its query`);
    values.set(key, value);
  }
  if (values.has("tag") && values.has("branch")) throw refused("its query has both a tag and a branch");
  return values;
}

function isKey(key: string): key is Key {
  return isBoolean(key) || TEXTS.some((known) => known === key);
}

function isBoolean(key: string): boolean {
  return BOOLEANS.some((known) => known === key);
}

function booleanIn(key: typeof BOOLEANS[number], values: ReadonlyMap<Key, string>): boolean | undefined {
  const text = values.get(key);
  if (text === undefined) return undefined;
  const value = text === "" ? true : parseBoolean(text);
  if (value === undefined) throw refused(`${key}="${text}" is neither true nor false`);
  return value;
}

/** The same may be said in several ways, if it is the same. */
function oneOf(what: string, said: Readonly<Record<string, string | undefined>>): string | undefined {
  const found = Object.entries(said).filter(([, value]) => value !== undefined && value !== "");
  const [first, ...others] = found;
  const other = others.find(([, value]) => value !== first?.[1]);
  if (first === undefined || other === undefined) return first?.[1];
  throw refused(`it has two ${what}, in ${first[0]} and in ${other[0]}`);
}

function prefixed(prefix: string, name: string | undefined): string | undefined {
  return name === undefined || name.startsWith(prefix) ? name : prefix + name;
}

function parseCommitPrefix(text: string): string {
  if (/^[0-9a-f]{1,64}$/i.test(text)) return text.toLowerCase();
  throw refused(`its checksum "${text}" is not the beginning of a commit's hexadecimal digits`);
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw refused("its percent-encoding is wrong");
  }
}

function refused(why: string, options: { readonly hint?: string } = {}): KilnError {
  return new KilnError("dockerfile", `Cannot use the git source: ${why}`, options);
}
