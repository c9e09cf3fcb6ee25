/**
 * ONBUILD: stores an instruction that runs when another stage or Dockerfile starts from the result (dockerfile.md 3.14).
 *
 * @module
 */
import { badArgument, parseNameValues } from "../dockerfile/arguments.ts";
import { parseFlags } from "../dockerfile/flags.ts";
import { parseJsonArray } from "../dockerfile/json_array.ts";
import { nestedLine } from "../dockerfile/read_lines.ts";
import type { LogicalLine } from "../dockerfile/line.ts";
import type { Instruction, Node, StageState } from "./instruction.ts";

/** Keywords that cannot be triggers. */
export const NO_TRIGGERS: readonly string[] = ["ONBUILD", "FROM", "MAINTAINER"];

/** A parsed ONBUILD. */
export interface OnbuildNode extends Node {
  readonly keyword: "ONBUILD";
  /** The instruction as written, heredocs behind it. */
  readonly trigger: string;
}

/**
 * `ONBUILD instruction`. Nothing is expanded, no history is written; of the instruction, which may be unknown, no more is
 * read than how its words are split.
 */
export const ONBUILD: Instruction<OnbuildNode> = {
  keyword: "ONBUILD",
  parse(line): OnbuildNode {
    if (line.rest === "") throw badArgument(line, "it needs an instruction");
    parseFlags(line, {});
    const nested = nestedLine(line);
    if (NO_TRIGGERS.includes(nested.keyword)) throw badArgument(line, `${nested.keyword} cannot be a trigger`);
    splitWords(nested);
    return { keyword: "ONBUILD", line, trigger: triggerText(line) };
  },
  configure(node, state): StageState {
    const OnBuild = [...state.config.OnBuild ?? [], node.trigger];
    return { ...state, config: { ...state.config, OnBuild } };
  },
  history(): undefined {
    return undefined;
  },
};

/** As BuildKit's parser: a trigger whose words cannot be told apart is a fault of this file. */
function splitWords(nested: LogicalLine): void {
  if (nested.keyword === "ENV" || nested.keyword === "LABEL") parseNameValues(nested);
  else if (WITH_ARRAYS.includes(nested.keyword)) parseJsonArray(nested.rest);
}

const WITH_ARRAYS: readonly string[] = ["RUN", "CMD", "ENTRYPOINT", "SHELL", "ADD", "COPY", "VOLUME"];

/** Whatever stands behind the keyword: a `--` too, on which the trigger will fail when it fires, as in BuildKit. */
function triggerText({ text, heredocs }: LogicalLine): string {
  const trigger = text.replace(/^[\t\n\f\r ]*onbuild[\t\n\f\r ]*/i, "");
  return trigger + heredocs.map(({ raw, name }) => `\n${raw}${name}`).join("");
}
