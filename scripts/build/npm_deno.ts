/**
 * The deno binary for another machine than this one, from npm.
 *
 * @module
 */
import { join } from "node:path/posix";
import type { Architecture } from "./compile.ts";
import { fetchPackage, type NpmPackage } from "./npm_package.ts";

/** The package of npm that holds the binary for an architecture of Linux. */
export function denoPackage(version: string, architecture: Architecture): NpmPackage {
  return { name: `@deno/linux-${architecture === "x86_64" ? "x64" : "arm64"}-glibc`, version };
}

/** Returns the path of the binary, which is kept in `cache`. */
export async function fetchDeno(version: string, architecture: Architecture, cache: string): Promise<string> {
  const path = join(await fetchPackage(denoPackage(version, architecture), cache), "deno");
  await Deno.chmod(path, 0o755);
  return path;
}
