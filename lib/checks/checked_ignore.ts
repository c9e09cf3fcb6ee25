/**
 * An ignore file as the checks see it.
 *
 * @module
 */
import { posix } from "node:path";
import { type BytePath, bytePathOf } from "../io/byte_path.ts";
import { parseIgnoreLines } from "../tree/ignore.ts";
import type { CheckedIgnore } from "./rule.ts";

/** What is known of an ignore file. */
export interface IgnoreSource {
  readonly name: string;
  readonly lines: readonly BytePath[];
}

/** Patterns that leave nothing in the root of a context. */
const EVERYTHING: readonly string[] = ["*", "**", "**/*"];

/** Reads an ignore file. @throws {KilnError} kind `context`, for a line that is no pattern */
export function checkedIgnore({ name, lines }: IgnoreSource): CheckedIgnore {
  const rules = parseIgnoreLines(lines, name);
  return {
    hasExceptions: rules.hasExceptions,
    excludesAll: lines.some((line) => EVERYTHING.includes(posix.normalize(line.trim()).replace(/^\//, ""))),
    excludes: (path) => rules.excludes(bytePathOf(path)),
  };
}
