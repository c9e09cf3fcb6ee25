/**
 * DuplicateStageName: two stages of one name. Later lines mean the last one.
 *
 * @module
 */
import type { Rule } from "./rule.ts";

export const DUPLICATE_STAGE_NAME: Rule = {
  name: "DuplicateStageName",
  description: "Stage names should be unique",
  file({ stages }, tell): void {
    const seen = new Set<string>();
    for (const { name, from } of stages) {
      if (name === undefined) continue;
      if (seen.has(name)) tell(`Duplicate stage name "${name}", stage names should be unique`, from.line);
      seen.add(name);
    }
  },
};
