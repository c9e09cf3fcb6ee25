/**
 * MaintainerDeprecated: any MAINTAINER.
 *
 * @module
 */
import type { Rule } from "./rule.ts";

export const MAINTAINER_DEPRECATED: Rule = {
  name: "MaintainerDeprecated",
  description: "The MAINTAINER instruction is deprecated, use a label instead to define an image author",
  node({ keyword }, { tell }): void {
    if (keyword === "MAINTAINER") tell("Maintainer instruction is deprecated in favor of using label");
  },
};
