/**
 * UndefinedArgInFrom: a variable in FROM or its `--platform` that is neither a global ARG nor there by itself.
 *
 * @module
 */
import { suggest } from "../dockerfile/suggest.ts";
import type { Rule } from "./rule.ts";

export const UNDEFINED_ARG_IN_FROM: Rule = {
  name: "UndefinedArgInFrom",
  description: "FROM command must use declared ARGs",
  from({ node, expand, globals }, { tell }): void {
    for (const text of [node.base, node.platform ?? ""]) {
      for (const name of expand(text)?.missing ?? []) {
        if (globals.has(name)) continue;
        const near = suggest(name, globals.keys());
        const hint = near === undefined ? "" : ` (did you mean ${near}?)`;
        tell(`FROM argument '${name}' is not declared${hint}`);
      }
    }
  },
};
