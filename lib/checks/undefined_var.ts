/**
 * UndefinedVar: a variable that is neither set, in the stage or by its base, nor declared by an ARG. It is empty.
 *
 * @module
 */
import { suggest } from "../dockerfile/suggest.ts";
import type { Rule } from "./rule.ts";

export const UNDEFINED_VAR: Rule = {
  name: "UndefinedVar",
  description: "Variables should be defined before their use",
  variable({ name, known, isOpen }, { tell, leaveOpen }): void {
    const near = suggest(name, known());
    const hint = near === undefined ? "" : ` (did you mean $${near}?)`;
    const detail = `Usage of undefined variable '$${name}'${hint}`;
    if (isOpen) leaveOpen(detail);
    else tell(detail);
  },
};
