/**
 * CopyIgnoredFile: COPY or ADD of something in the build context that the ignore file excludes. Nothing is said about
 * files with `!` patterns: whether a directory is there then depends on what is in it.
 *
 * @module
 */
import { posix } from "node:path";
import { goQuote } from "../dockerfile/go_quote.ts";
import { ADD } from "../instructions/add.ts";
import { COPY } from "../instructions/copy.ts";
import { isOf } from "../instructions/instruction.ts";
import { sourceKind } from "../instructions/remote_source.ts";
import type { Rule } from "./rule.ts";

export const COPY_IGNORED_FILE: Rule = {
  name: "CopyIgnoredFile",
  description: "Attempting to Copy file that is excluded by .dockerignore",
  context(node, ignore, { tell }): void {
    if (!isOf(COPY, node) && !isOf(ADD, node)) return;
    if (node.from !== undefined || ignore.hasExceptions) return;
    for (const source of node.sources) {
      if (node.keyword === "ADD" && sourceKind(source) !== "path") continue;
      const path = posix.normalize(source).replace(/(?<=.)\/$/, "");
      const isRoot = path === "." || path === "/";
      if (!(isRoot ? ignore.excludesAll : ignore.excludes(path))) continue;
      const verb = node.keyword === "ADD" ? "Add" : "Copy";
      tell(`Attempting to ${verb} file ${goQuote(path)} that is excluded by .dockerignore`);
    }
  },
};
