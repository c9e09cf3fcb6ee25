/**
 * FromAsCasing: `FROM a as b`. A FROM of mixed case is `ConsistentInstructionCasing`'s business.
 *
 * @module
 */
import { parseWords } from "../dockerfile/arguments.ts";
import type { Rule } from "./rule.ts";

export const FROM_AS_CASING: Rule = {
  name: "FromAsCasing",
  description: "The 'as' keyword should match the case of the 'from' keyword",
  node({ keyword, line: { typed, rest } }, { tell }): void {
    const as = keyword === "FROM" ? parseWords(rest)[1] : undefined;
    if (as === undefined) return;
    const isLower = typed === typed.toLowerCase();
    if (!isLower && typed !== typed.toUpperCase()) return;
    if (as !== (isLower ? as.toLowerCase() : as.toUpperCase())) {
      tell(`'${as}' and '${typed}' keywords' casing do not match`);
    }
  },
};
