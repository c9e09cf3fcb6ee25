/**
 * StageNameCasing: `FROM a AS Build`. Names are matched whatever their case but in FROM.
 *
 * @module
 */
import { parseWords } from "../dockerfile/arguments.ts";
import type { Rule } from "./rule.ts";

export const STAGE_NAME_CASING: Rule = {
  name: "StageNameCasing",
  description: "Stage names should be lowercase",
  node({ keyword, line }, { tell }): void {
    const name = keyword === "FROM" ? parseWords(line.rest)[2] : undefined;
    if (name !== undefined && name !== name.toLowerCase()) tell(`Stage name '${name}' should be lowercase`);
  },
};
