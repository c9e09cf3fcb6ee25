/**
 * InvalidDefaultArgInFrom: a FROM that names no image when nothing but the defaults of the global ARGs is known.
 *
 * @module
 */
import { expandWord } from "../dockerfile/expand_word.ts";
import { KilnError } from "../errors.ts";
import { evaluateGlobalArgs, type GlobalFacts } from "../instructions/global_args.ts";
import { platformArguments } from "../instructions/predefined_args.ts";
import type { Dockerfile } from "../instructions/stages.ts";
import { parseReference } from "../oci/reference.ts";
import type { LineTeller, Rule } from "./rule.ts";

export const INVALID_DEFAULT_ARG_IN_FROM: Rule = {
  name: "InvalidDefaultArgInFrom",
  description: "Default value for global ARG results in an empty or invalid base image name",
  file(file, tell, facts): void {
    try {
      checkFroms(file, tell, facts);
    } catch (error) {
      // What cannot be expanded is an error, with or without build arguments, or is none with them.
      if (!(error instanceof KilnError)) throw error;
    }
  },
};

function checkFroms({ globals, stages }: Dockerfile, tell: LineTeller, facts: GlobalFacts): void {
  const { escape } = facts;
  const platform = new Set(platformArguments(facts).map(([name]) => name));
  const given = new Map([...facts.given].filter(([name]) => platform.has(name)));
  const defaults = evaluateGlobalArgs(globals, { ...facts, given }).globals;
  for (const { from } of stages) {
    const { text } = expandWord(from.base, { variable: (name) => defaults.get(name), escape });
    if (isReference(text)) continue;
    tell(`Default value for ARG ${from.base} results in empty or invalid base image name`, from.line);
  }
}

function isReference(text: string): boolean {
  try {
    parseReference(text);
    return true;
  } catch (error) {
    if (error instanceof KilnError) return false;
    throw error;
  }
}
