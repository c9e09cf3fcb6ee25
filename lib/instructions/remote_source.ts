/**
 * Telling sources of ADD that are fetched from those that lie in the build context (dockerfile.md 3.4).
 *
 * @module
 */

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
