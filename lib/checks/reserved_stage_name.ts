/**
 * ReservedStageName: a stage named `scratch` or `context`, which mean something else where images and contexts do.
 *
 * @module
 */
import type { Rule } from "./rule.ts";

export const RESERVED_STAGE_NAME: Rule = {
  name: "ReservedStageName",
  description: "Reserved words should not be used as stage names",
  file({ stages }, tell): void {
    for (const { name, from } of stages) {
      if (name !== "scratch" && name !== "context") continue;
      tell(`Stage name should not use the same name as reserved stage "${name}"`, from.line);
    }
  },
};
