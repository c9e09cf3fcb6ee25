/**
 * COPY: files from the build context, another stage or an image (dockerfile.md 3.3).
 *
 * @module
 */
import { badArgument } from "../dockerfile/arguments.ts";
import { expandWord } from "../dockerfile/expand_word.ts";
import { parseFlags } from "../dockerfile/flags.ts";
import type { LogicalLine } from "../dockerfile/line.ts";
import { KilnError } from "../errors.ts";
import {
  COPY_FLAGS,
  copyHistory,
  type CopyNode,
  copyOrigins,
  expandCopy,
  isLinked,
  parseCopy,
  requireTwoPaths,
  textFlag,
} from "./copy_node.ts";
import { executeCopy } from "./execute_copy.ts";
import type { Instruction, Origin } from "./instruction.ts";
import type { TreeStep } from "./step.ts";
import { sourceKind } from "./remote_source.ts";

/** `COPY [flags] source... destination` or `COPY [flags] ["source", ..., "destination"]`. */
export const COPY: Instruction<CopyNode<"COPY">> = {
  keyword: "COPY",
  parse(line): CopyNode<"COPY"> {
    requireTwoPaths(line);
    const flags = parseFlags(line, { ...COPY_FLAGS, from: "text", parents: "boolean" });
    checkFrom(line, flags.from ?? "");
    return { ...parseCopy("COPY", line, flags), ...textFlag("from", flags.from), parents: flags.parents ?? false };
  },
  expand(node, expander): CopyNode<"COPY"> {
    const expanded = expandCopy(node, expander);
    for (const source of expanded.sources) {
      if (sourceKind(source) === "path") continue;
      throw new KilnError("dockerfile", `Cannot copy "${source}": COPY does not fetch`, { hint: "use ADD" });
    }
    return expanded;
  },
  history: copyHistory,
  origins(node): readonly Origin[] {
    return copyOrigins(node);
  },
  run(node, step): Promise<void> {
    return executeCopy(node, step);
  },
  apart(node): ((step: TreeStep) => Promise<void>) | undefined {
    return isLinked(node) ? (step) => executeCopy(node, step) : undefined;
  },
};

/** The stages a build needs must be known before any variable is. */
function checkFrom(line: LogicalLine, from: string): void {
  if (expandWord(from, { variable: () => undefined, escape: line.escape }).text === from) return;
  throw badArgument(
    line,
    `variables are not expanded in --from="${from}"`,
    "write FROM $IMAGE AS name, then --from=name",
  );
}
