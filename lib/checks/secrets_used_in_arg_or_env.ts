/**
 * SecretsUsedInArgOrEnv: an ENV or ARG of a stage whose name sounds like a secret's; its value stays in the image or its
 * history.
 *
 * @module
 */
import { goQuote } from "../dockerfile/go_quote.ts";
import { ARG } from "../instructions/arg.ts";
import { ENV } from "../instructions/env.ts";
import { isOf } from "../instructions/instruction.ts";
import type { Rule } from "./rule.ts";

/** Words between underscores. */
const SECRET = /(_|^)(apikey|auth|credentials?|key|password|pword|passwd|secret|token)(_|$)/i;
/** With one of these it is no secret after all. */
const HARMLESS = /(_|^)(public|file|version)(_|$)/i;

export const SECRETS_USED_IN_ARG_OR_ENV: Rule = {
  name: "SecretsUsedInArgOrEnv",
  description: "Sensitive data should not be used in the ARG or ENV commands",
  step({ expanded }, { tell }): void {
    if (!isOf(ENV, expanded) && !isOf(ARG, expanded)) return;
    for (const { name } of expanded.pairs) {
      if (!SECRET.test(name) || HARMLESS.test(name)) continue;
      const where = `${expanded.keyword} ${goQuote(name)}`;
      tell(`Do not use ARG or ENV instructions for sensitive data (${where})`);
    }
  },
};
