/**
 * NoEmptyContinuation: a blank line inside a continued instruction, which is skipped.
 *
 * @module
 */
import type { Rule } from "./rule.ts";

export const NO_EMPTY_CONTINUATION: Rule = {
  name: "NoEmptyContinuation",
  description: "Empty continuation lines will become errors in a future release",
  blankLines(ends, tell): void {
    for (const end of ends) tell("Empty continuation line", end);
  },
};
