/**
 * Telling sources of ADD that are fetched from those that lie in the build context (dockerfile.md 3.4).
 *
 * @module
 */
import { parseGitSource, withGitFlags } from "../dockerfile/values/git_source.ts";
import { KilnError } from "../errors.ts";
import { isChecksum } from "../oci/digest.ts";
import type { RemoteSource } from "./step.ts";

/** Where a source comes from: a git repository, an HTTP server, or a path. */
export type SourceKind = "git" | "http" | "path";

const SCHEME = /^([a-zA-Z0-9]+):\/\/([^?#]*)/;
const SCP_STYLE = /^[a-zA-Z0-9_-]+@[a-zA-Z0-9.-]+:/;

/**
 * Classifies a source. `github.com/owner/repository` without a scheme is a path here; only build contexts take it for
 * git. An HTTP URL is git if its path ends with `.git`.
 */
export function sourceKind(source: string): SourceKind {
  if (source.startsWith("./") || source.startsWith("../")) return "path";
  const found = SCHEME.exec(source);
  const scheme = found?.[1]?.toLowerCase();
  if (scheme === undefined) return SCP_STYLE.test(source) ? "git" : "path";
  if (scheme === "git" || scheme === "ssh") return "git";
  if ((scheme === "http" || scheme === "https") && found?.[2]?.includes("/") && found[2].endsWith(".git")) return "git";
  return /^https?:\/\//.test(source) ? "http" : "path";
}

/** One source of ADD: something to fetch, or a path or pattern in the context. */
export type AddSource = RemoteSource | { readonly kind: "path"; readonly path: string };

/** What the flags of an ADD say about what it fetches. */
export interface RemoteFlags {
  readonly checksum?: string;
  readonly keepGitDir?: boolean;
}

/**
 * Reads an expanded source of ADD.
 *
 * @throws {KilnError} kind `dockerfile`, for a git source that is malformed, or differs from the flags.
 */
export function parseAddSource(source: string, { checksum, keepGitDir }: RemoteFlags): AddSource {
  switch (sourceKind(source)) {
    case "path":
      return { kind: "path", path: source };
    case "git":
      return {
        kind: "git",
        git: withGitFlags(parseGitSource(source), {
          ...(checksum ? { checksum } : {}),
          ...(keepGitDir === undefined ? {} : { keepGitDir }),
        }),
      };
    case "http": {
      if (!URL.canParse(source)) throw new KilnError("dockerfile", "Cannot fetch the source: it is not a URL");
      if (!checksum) return { kind: "http", url: source };
      if (isChecksum(checksum)) return { kind: "http", url: source, checksum };
      throw new KilnError("dockerfile", `Cannot use --checksum="${checksum}": it is not a digest`, {
        hint: "sha256:, sha384: or sha512: and lower-case hexadecimal digits",
      });
    }
  }
}

/** Returns a source for history, user and password masked as BuildKit masks them (S49). */
export function redactSource(source: string): string {
  if (sourceKind(source) === "path") return source;
  return source.replace(
    /^([a-z]+:\/\/)([^/?#]*)@/i,
    (_all, scheme: string, user: string) =>
      scheme.toLowerCase() === "ssh://" && !user.includes(":")
        ? `${scheme}${user}@`
        : `${scheme}${user.includes(":") ? "xxxxx:xxxxx" : "xxxxx"}@`,
  );
}
