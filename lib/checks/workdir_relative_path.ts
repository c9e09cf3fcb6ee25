/**
 * WorkdirRelativePath: the first WORKDIR of a stage and its parents is relative. That of the base image does not count:
 * another version of it may have another one.
 *
 * @module
 */
import { isAbsolute } from "node:path/posix";
import { goQuote } from "../dockerfile/go_quote.ts";
import { isOf } from "../instructions/instruction.ts";
import { WORKDIR } from "../instructions/workdir.ts";
import type { Rule } from "./rule.ts";

export const WORKDIR_RELATIVE_PATH: Rule = {
  name: "WorkdirRelativePath",
  description:
    "Relative workdir without an absolute workdir declared within the build can have unexpected results if " +
    "the base image changes",
  step({ expanded, state }, { tell }): void {
    if (!isOf(WORKDIR, expanded) || state.workdirSet || isAbsolute(expanded.path)) return;
    tell(`Relative workdir ${goQuote(expanded.path)} can have unexpected results if the base image changes`);
  },
};
