/**
 * LegacyKeyValueFormat: `ENV name value` in place of `ENV name=value`; LABEL likewise.
 *
 * @module
 */
import { ENV } from "../instructions/env.ts";
import { isOf } from "../instructions/instruction.ts";
import { LABEL } from "../instructions/label.ts";
import type { Rule } from "./rule.ts";

export const LEGACY_KEY_VALUE_FORMAT: Rule = {
  name: "LegacyKeyValueFormat",
  description: "Legacy key/value format with whitespace separator should not be used",
  step({ node }, { tell }): void {
    if (!isOf(ENV, node) && !isOf(LABEL, node)) return;
    if (!node.pairs.some(({ legacy }) => legacy)) return;
    const { typed } = node.line;
    tell(`"${typed} key=value" should be used instead of legacy "${typed} key value" format`);
  },
};
