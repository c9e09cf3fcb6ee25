/**
 * Global arguments: what FROM sees and stages may redeclare (dockerfile.md 2.3, 2.4).
 *
 * @module
 */
import type { Escape, LogicalLine } from "../dockerfile/line.ts";
import { KilnError } from "../errors.ts";
import type { ArgNode } from "./arg.ts";
import { createGlobalExpander } from "./expander.ts";
import type { BuildArguments, Expander } from "./instruction.ts";
import { type MissingVariable, withVariableHint } from "./missing_variable.ts";
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
  const build = { given, globals };
  for (const { pairs, line } of nodes) {
    for (const { name, value } of pairs) {
      const own = given.get(name) ??
        (value === undefined ? undefined : expandGlobally(build, { escape, line }, (expander) => expander.word(value)));
      // A bare "ARG name" declares; it takes no value away.
      globals.set(name, own ?? globals.get(name));
    }
  }
  return build;
}

/** Expands something that sees global arguments only. @throws {KilnError} with the position of its line */
export function expandGlobally<T>(
  build: BuildArguments,
  { escape, line }: { readonly escape: Escape; readonly line: LogicalLine },
  expand: (expander: Expander) => T,
): T {
  const missing: MissingVariable[] = [];
  try {
    return expand(createGlobalExpander(build, { escape, onMissing: (variable) => void missing.push(variable) }));
  } catch (error) {
    if (!(error instanceof KilnError)) throw error;
    const explained = withVariableHint(error.locate(line.range), missing);
    const [first] = missing;
    if (explained.hint !== undefined || first === undefined) throw explained;
    throw explained.withHint(`declare it in front of the first FROM: ARG ${first.name}=...`);
  }
}
