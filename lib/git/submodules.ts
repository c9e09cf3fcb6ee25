/**
 * `.gitmodules`: where the submodules of a commit are to be had (gitmodules(5)).
 *
 * @module
 */
import { KilnError } from "../errors.ts";
import { type BytePath, bytePathOf, displayPath } from "../io/byte_path.ts";
import { parseConfig } from "./config_file.ts";
import { printable } from "./printable.ts";

/** One submodule, as `.gitmodules` says it. */
export interface Submodule {
  readonly name: string;
  readonly path: BytePath;
  /** As written: a URL, or relative to that of the repository. */
  readonly url: string;
  /** `update = none`: not to be fetched unless asked for by name, which nobody can here. */
  readonly skipped: boolean;
}

/** No `.gitmodules` is larger; Chromium's has 40 kB. */
export const MAX_MODULES_BYTES = 1024 ** 2;

/**
 * Reads `.gitmodules`.
 *
 * @throws {KilnError} kind `integrity`, for what git refuses too: names that lead out of `.git/modules`, URLs that look
 *   like options (CVE-2018-11235, CVE-2018-17456).
 */
export function parseSubmodules(text: string): readonly Submodule[] {
  const entries = parseConfig(text);
  if (entries === undefined) throw malformed("it is not in the format of git's config files");
  const byName = new Map<string, { path?: string; url?: string; update?: string }>();
  for (const { section, subsection, key, value } of entries) {
    if (section !== "submodule" || subsection === "") continue;
    const found = byName.get(subsection) ?? {};
    byName.set(subsection, found);
    // git takes the first of equals here, as the last could only come from somebody who appended.
    if (key === "path") found.path ??= value;
    if (key === "url") found.url ??= value;
    if (key === "update") found.update ??= value;
  }
  const submodules: Submodule[] = [];
  for (const [name, { path, url, update }] of byName) {
    if (name.split(/[/\\]/).includes("..")) throw malformed(`the name "${printable(name)}" leads out`);
    if (path === undefined || url === undefined) continue;
    if (url.startsWith("-") || path.startsWith("-")) throw malformed(`"${printable(name)}" looks like an option`);
    // deno-lint-ignore no-control-regex -- control characters are what is refused (CVE-2025-48384: a CR at the end)
    if (/[\x00-\x1f\x7f]/.test(`${path}${url}`)) throw malformed(`"${printable(name)}" has control characters in it`);
    submodules.push({ name, path: bytePathOf(path.replace(/\/+$/, "")), url, skipped: update === "none" });
  }
  return submodules;
}

/** Returns the submodule at a path. @throws {KilnError} kind `context`, if `.gitmodules` does not name it */
export function submoduleAt(submodules: readonly Submodule[], path: BytePath): Submodule {
  const found = submodules.find((submodule) => submodule.path === path);
  if (found !== undefined) return found;
  throw new KilnError(
    "context",
    `Cannot fetch the submodule "${displayPath(path)}": .gitmodules does not say where it is`,
  );
}

function malformed(found: string): KilnError {
  return new KilnError("integrity", `Cannot read .gitmodules: ${found}`);
}
