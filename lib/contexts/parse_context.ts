/**
 * The grammar of `--context` (kaniko.md 3), with the forms that kaniko's users ask for.
 *
 * @module
 */
import { resolve } from "node:path/posix";
import { KilnError } from "../errors.ts";
import { isDigest } from "../oci/digest.ts";
import { parseReference } from "../oci/reference.ts";
import type {
  AzureLocation,
  ContextLocation,
  GcsLocation,
  GitLocation,
  GitOptions,
  HttpLocation,
  LayoutLocation,
  S3Location,
} from "./context_location.ts";
import { isReference, isScpStyle, makeGitLocation } from "./git_location.ts";

/** What the text alone does not say. */
export interface ParseContextOptions {
  /** What relative paths are relative to; absolute. */
  readonly cwd: string;
  readonly git: GitOptions;
  /** What `GIT_PULL_METHOD` says; "" if it is not set. */
  readonly gitPullMethod: string;
}

/** kaniko's name of the object when only a bucket is given. */
const DEFAULT_OBJECT = "context.tar.gz";

const SCHEMES = ["dir", "tar", "https", "http", "git", "ssh", "s3", "gs", "oci", "oci-layout"] as const;

const AZURE_HINT = "Azure Blob Storage is https://ACCOUNT.blob.core.windows.net/CONTAINER/PATH";

/** Accounts have 3 to 24 lower-case letters and digits; `-secondary` is the read-only twin in another region. */
const AZURE_HOST = /^([a-z0-9]{3,24})(?:-secondary)?\.(?:z[0-9]{2}\.)?blob\.[a-z0-9-]+\.[a-z0-9.-]+$/;

/** What others call the same, or nearly. */
const OTHER_SCHEMES: Readonly<Record<string, string>> = {
  "file": "a directory is dir://DIR, an archive is tar://FILE",
  "stdin": "an archive on stdin is tar://stdin",
  "gcs": "Google Cloud Storage is gs://BUCKET/OBJECT",
  "s3a": "S3 is s3://BUCKET/KEY",
  "s3n": "S3 is s3://BUCKET/KEY",
  "az": AZURE_HINT,
  "azblob": AZURE_HINT,
  "azure": AZURE_HINT,
  "wasb": AZURE_HINT,
  "wasbs": AZURE_HINT,
  "abfs": AZURE_HINT,
  "abfss": AZURE_HINT,
  "docker": "an image is oci://IMAGE",
  "docker-image": "an image is oci://IMAGE",
  "git+https": "a git repository is git://HOST/PATH",
  "git+http": "a git repository is git://HOST/PATH, with GIT_PULL_METHOD=http",
  "git+ssh": "a git repository over ssh is ssh://USER@HOST/PATH",
};

/**
 * Reads the text of `--context`.
 *
 * @throws {KilnError} kind `usage`; the message never holds more of the text than its scheme, as the rest may hold a
 *   token.
 */
export function parseContext(text: string, options: ParseContextOptions): ContextLocation {
  const { cwd } = options;
  const found = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/is.exec(text);
  if (found === null) {
    if (isScpStyle(text)) return parseGit(text, "ssh", options);
    if (text === "") throw usage('Cannot use --context "": it names no directory');
    const hint = hintOfPath(text);
    return { kind: "directory", path: resolve(cwd, text), ...(hint === undefined ? {} : { hint }) };
  }
  const scheme = (found[1] ?? "").toLowerCase();
  const rest = found[2] ?? "";
  const refuse = (why: string, hint?: string): KilnError => refusal(scheme, why, hint);
  switch (scheme) {
    case "dir":
      if (rest === "") throw refuse("it names no directory");
      return { kind: "directory", path: resolve(cwd, rest) };
    case "tar":
      if (rest === "") throw refuse("it names no file");
      return rest === "stdin" ? { kind: "stdin" } : { kind: "archive", path: resolve(cwd, rest) };
    case "s3":
      return { kind: "s3", ...parseBucket(rest, scheme) } satisfies S3Location;
    case "gs":
      return { kind: "gcs", ...parseBucket(rest, scheme) } satisfies GcsLocation;
    case "git":
      return parseGit(`${pullMethod(options)}://${rest}`, scheme, options);
    case "ssh":
      return parseGit(text, scheme, options);
    case "https":
    case "http":
      return parseWeb(text, scheme, options);
    case "oci":
      return parseImage(rest);
    case "oci-layout":
      return parseLayout(rest, cwd);
    default:
      throw refuse(
        "there is no such kind of context",
        OTHER_SCHEMES[scheme] ??
          `one of ${SCHEMES.slice(0, -1).map((name) => `${name}://`).join(", ")} and oci-layout://`,
      );
  }
}

/** What a path that is none may be meant as. */
function hintOfPath(text: string): string | undefined {
  if (text === "-") return "an archive on stdin is --context=tar://stdin";
  const scheme = SCHEMES.find((scheme) => text.toLowerCase().startsWith(`${scheme}:`));
  if (scheme !== undefined) return `two slashes follow the kind of a context: ${scheme}://`;
  if (/^(?:github|gitlab|bitbucket)\.[a-z]+\/|\.git(?:#|$)/.test(text)) {
    return "a git repository is --context=git://HOST/PATH";
  }
  return /\.(?:tar(?:\.[a-z0-9]+)?|t[gx]z|tbz2?|tzst)$/.test(text) ? "an archive is --context=tar://FILE" : undefined;
}

function parseBucket(rest: string, scheme: string): { readonly bucket: string; readonly key: string } {
  const slash = rest.indexOf("/");
  const bucket = slash < 0 ? rest : rest.slice(0, slash);
  const key = slash < 0 ? "" : rest.slice(slash + 1);
  if (bucket === "") throw refusal(scheme, "it names no bucket");
  return { bucket, key: key === "" ? DEFAULT_OBJECT : key };
}

function parseWeb(
  text: string,
  scheme: string,
  options: ParseContextOptions,
): HttpLocation | AzureLocation | GitLocation {
  const url = parseUrl(text, scheme);
  const azure = scheme === "https" ? AZURE_HOST.exec(url.hostname) : null;
  if (azure !== null) return parseAzure(url, azure[1] ?? "");
  if (url.pathname.endsWith(".git")) return parseGit(text, scheme, options);
  // A fragment is for the client alone (RFC 9110, 4.2.4): nothing of an archive is chosen by it.
  if (url.hash !== "") throw refusal(scheme, "an archive has no fragment", "only git contexts take #REF");
  return { kind: "http", url };
}

function parseAzure(url: URL, account: string): AzureLocation {
  const refuse = (why: string): KilnError =>
    refusal("https", why, "write it as https://ACCOUNT.blob.core.windows.net/CONTAINER/PATH");
  if (url.username !== "" || url.password !== "") throw refuse("an Azure URL has no user and password");
  const [, container = "", ...names] = url.pathname.split("/");
  const path = decode(names.join("/"));
  if (container === "") throw refuse("it names no container");
  if (path === undefined) throw refuse("its percent-encoding is wrong");
  if (path === "") throw refuse("it names no blob");
  return { kind: "azure", account, endpoint: url.origin, container, path, query: url.search };
}

function pullMethod({ gitPullMethod }: ParseContextOptions): "https" | "http" {
  if (gitPullMethod === "" || gitPullMethod === "https") return "https";
  if (gitPullMethod === "http") return "http";
  throw usage(`Cannot use GIT_PULL_METHOD "${gitPullMethod}": it is neither https nor http`);
}

/** `URL[#REF[:SUBDIRECTORY][#COMMIT]]`: kaniko's two fragments, and the subdirectory of Docker. */
function parseGit(text: string, scheme: string, options: ParseContextOptions): GitLocation {
  const refuse = (why: string, hint?: string): KilnError => refusal(scheme, why, hint);
  const [remote = "", first = "", commit = "", ...more] = text.split("#");
  if (more.length > 0) throw refuse('it has more than two "#"', "write it as URL#REF#COMMIT");
  if (remote.includes("?")) {
    throw refuse('a repository has no "?"', "give credentials by GIT_TOKEN, or as user and password");
  }
  const colon = first.indexOf(":");
  const ref = colon < 0 ? first : first.slice(0, colon);
  const subdirectory = colon < 0 ? "" : first.slice(colon + 1);
  const found = makeGitLocation({ remote, ref, subdirectory, commit, options: options.git }, refuse);
  if (!isReference(options.git.branch ?? "")) {
    throw usage("Cannot use --git branch: its reference is not one that git allows");
  }
  return found;
}

function parseImage(rest: string): ContextLocation {
  if (rest === "") throw refusal("oci", "it names no image");
  return { kind: "image", reference: parseReference(rest) };
}

function parseLayout(rest: string, cwd: string): LayoutLocation {
  const at = rest.lastIndexOf("@");
  const digest = at < 0 ? undefined : rest.slice(at + 1);
  if (digest !== undefined && !isDigest(digest)) {
    throw refusal("oci-layout", 'what follows "@" is not "sha256:" and 64 lower-case hex digits');
  }
  const named = at < 0 ? rest : rest.slice(0, at);
  const colon = named.lastIndexOf(":");
  const tag = colon > named.lastIndexOf("/") ? named.slice(colon + 1) : undefined;
  const path = tag === undefined ? named : named.slice(0, colon);
  if (path === "") throw refusal("oci-layout", "it names no directory");
  if (tag === "") throw refusal("oci-layout", 'no tag follows its ":"');
  return {
    kind: "layout",
    path: resolve(cwd, path),
    ...(tag === undefined ? {} : { tag }),
    ...(digest === undefined ? {} : { digest }),
  };
}

function parseUrl(text: string, scheme: string): URL {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw refusal(scheme, "it is not a URL");
  }
  if (url.hostname === "") throw refusal(scheme, "it names no host");
  return url;
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

function refusal(scheme: string, why: string, hint?: string): KilnError {
  return usage(`Cannot use a --context with "${scheme}://": ${why}`, hint);
}

function usage(message: string, hint?: string): KilnError {
  return new KilnError("usage", message, hint === undefined ? {} : { hint });
}
