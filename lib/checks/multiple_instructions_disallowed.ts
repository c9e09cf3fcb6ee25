/**
 * MultipleInstructionsDisallowed: a second CMD, ENTRYPOINT or HEALTHCHECK in a stage. The earlier one is reported: it is
 * the one that does nothing.
 *
 * @module
 */
import { isOnceOnly } from "../instructions/instruction.ts";
import type { Rule } from "./rule.ts";

export const MULTIPLE_INSTRUCTIONS_DISALLOWED: Rule = {
  name: "MultipleInstructionsDisallowed",
  description: "Multiple instructions of the same type should not be used in the same stage",
  step({ node, state }, { tell }): void {
    const earlier = isOnceOnly(node.keyword) ? state.lastOf[node.keyword] : undefined;
    if (earlier === undefined) return;
    const why = "should not be used in the same stage because only the last one will be used";
    tell(`Multiple ${node.line.typed} instructions ${why}`, earlier);
  },
};
