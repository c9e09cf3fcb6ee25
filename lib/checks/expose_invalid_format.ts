/**
 * ExposeInvalidFormat: `EXPOSE 8080:80`, the form that belongs to `docker run`.
 *
 * @module
 */
import { portForms } from "./port_forms.ts";
import type { Rule } from "./rule.ts";

export const EXPOSE_INVALID_FORMAT: Rule = {
  name: "ExposeInvalidFormat",
  description: "IP address and host-port mapping should not be used in EXPOSE instruction. This will become an error " +
    "in a future release",
  step({ expanded }, { tell }): void {
    for (const { word, ip, host } of portForms(expanded)) {
      if (ip === "" && host === "") continue;
      tell(`EXPOSE instruction should not define an IP address or host-port mapping, found '${word}'`);
    }
  },
};
