/**
 * ExposeProtoCasing: `EXPOSE 80/TCP`; images have it in lower case.
 *
 * @module
 */
import { portForms } from "./port_forms.ts";
import type { Rule } from "./rule.ts";

export const EXPOSE_PROTO_CASING: Rule = {
  name: "ExposeProtoCasing",
  description: "Protocol in EXPOSE instruction should be lowercase",
  step({ expanded }, { tell }): void {
    for (const { word, protocol } of portForms(expanded)) {
      if (protocol === protocol.toLowerCase()) continue;
      tell(`Defined protocol '${word}' in EXPOSE instruction should be lowercase`);
    }
  },
};
