/**
 * A source of `COPY --parents`: where the part begins that is made again at the destination (dockerfile.md 3.3).
 *
 * @module
 */
import type { BytePath } from "../io/byte_path.ts";
import { cleanInRoot } from "./real_path.ts";

/**
 * Splits a source at its first `/./`: in front of it ordinary wildcards, behind it a pattern as in `.dockerignore`.
 * Without one everything is behind it; a leading `./` is none.
 */
export function splitParentsSource(written: BytePath): { readonly before: BytePath; readonly pattern: BytePath } {
  const pivot = written.indexOf("/./");
  if (pivot < 0) return { before: "", pattern: cleanInRoot(written) };
  return { before: written.slice(0, pivot), pattern: cleanInRoot(written.slice(pivot + 3)) };
}
