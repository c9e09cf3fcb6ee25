/**
 * `--ignore-path`: changes below some paths are left out of the layers.
 *
 * @module
 */
import type { BytePath } from "../io/byte_path.ts";
import type { Change } from "./change.ts";
import { compilePathPattern } from "./match_path.ts";

/** Passes on the changes that are not at or below one of `paths` (absolute; each component may have wildcards). */
export function* withoutIgnored(changes: Iterable<Change>, paths: readonly BytePath[]): Generator<Change> {
  const patterns = paths.map((path) => {
    const components = path.split("/").filter((component) => component !== "").map(compilePathPattern);
    return (candidate: BytePath): boolean => {
      const names = candidate.split("/");
      return names.length >= components.length &&
        components.every((component, at) => component.matches(names[at] ?? ""));
    };
  });
  for (const change of changes) {
    if (!patterns.some((matches) => matches(change.path))) yield change;
  }
}
