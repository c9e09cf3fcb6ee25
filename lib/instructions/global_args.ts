/**
 * Global arguments: what FROM sees and stages may redeclare (dockerfile.md 2.3, 2.4).
 *
 * @module
 */
import type { Escape } from "../dockerfile/line.ts";
import { locate } from "../dockerfile/locate.ts";
import { expandWord } from "../dockerfile/expand_word.ts";
import type { ArgNode } from "./arg.ts";
import type { BuildArguments } from "./instruction.ts";
import { platformArguments, type PlatformFacts } from "./predefined_args.ts";

/** What global arguments are evaluated with. */
export interface GlobalFacts extends PlatformFacts {
  /** `--build-arg`, last one wins. */
  readonly given: ReadonlyMap<string, string>;
  readonly escape: Escape;
}

/**
 * Evaluates the ARG lines in front of the first FROM, in order: a build argument, else the default expanded with what
 * is known so far, else no value. Platform arguments come first and can be given as well.
 *
 * @throws {KilnError} kind `dockerfile`, with the position of the ARG.
 */
export function evaluateGlobalArgs(nodes: readonly ArgNode[], facts: GlobalFacts): BuildArguments {
  const { given, escape } = facts;
  const globals = new Map<string, string | undefined>(platformArguments(facts));
  for (const name of globals.keys()) globals.set(name, given.get(name) ?? globals.get(name));
  const variable = (name: string): string | undefined => globals.get(name);
  for (const node of nodes) {
    for (const { name, value } of node.pairs) {
      const own = given.get(name) ??
        (value === undefined ? undefined : locate(node.line.range, () => expandWord(value, { variable, escape }).text));
      // A bare "ARG name" declares; it takes no value away.
      globals.set(name, own ?? globals.get(name));
    }
  }
  return { given, globals };
}
