/**
 * ADD: COPY from the build context that also unpacks local archives and fetches URLs (dockerfile.md 3.4).
 *
 * @module
 */
import { parseFlags } from "../dockerfile/flags.ts";
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
import { parseAddSource, sourceKind } from "./remote_source.ts";
import type { TreeStep } from "./step.ts";

/** `ADD [flags] source... destination` or `ADD [flags] ["source", ..., "destination"]`. */
export const ADD: Instruction<CopyNode<"ADD">> = {
  keyword: "ADD",
  parse(line): CopyNode<"ADD"> {
    requireTwoPaths(line);
    const flags = parseFlags(line, {
      ...COPY_FLAGS,
      "checksum": "text",
      "keep-git-dir": "boolean",
      "unpack": "boolean",
    });
    const keepGitDir = flags["keep-git-dir"];
    return {
      ...parseCopy("ADD", line, flags),
      ...textFlag("checksum", flags.checksum),
      ...(keepGitDir === undefined ? {} : { keepGitDir }),
      ...(flags.unpack === undefined ? {} : { unpack: flags.unpack }),
    };
  },
  expand(node, expander): CopyNode<"ADD"> {
    const expanded = expandCopy(node, expander);
    checkChecksum(expanded);
    // Before anything is run: whatever is wrong with a source is wrong with its text.
    expanded.sources.forEach((source) => parseAddSource(source, expanded));
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

function checkChecksum({ checksum, sources, heredocs }: CopyNode): void {
  if (!checksum) return;
  const [source = "", ...others] = sources;
  const why = heredocs.length > 0
    ? "a heredoc is what it says"
    : others.length > 0
    ? "there are several sources"
    : sourceKind(source) === "path"
    ? `"${source}" is not fetched`
    : undefined;
  if (why !== undefined) throw new KilnError("dockerfile", `Cannot use --checksum="${checksum}": ${why}`);
}
