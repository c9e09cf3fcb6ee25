/**
 * Global arguments: what FROM sees and stages may redeclare (dockerfile.md 2.3, 2.4), and SOURCE_DATE_EPOCH among them.
 *
 * @module
 */
import type { Escape } from "../dockerfile/line.ts";
import { locate } from "../dockerfile/locate.ts";
import { expandWord } from "../dockerfile/expand_word.ts";
import { KilnError } from "../errors.ts";
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

/** The arguments of a build whose SOURCE_DATE_EPOCH is settled. */
export interface SettledEpoch {
  /** With the number in place of what was given, or without the argument when it was given as empty. */
  readonly build: BuildArguments;
  /** Seconds since 1970, if set. */
  readonly epoch?: number;
}

const EPOCH = "SOURCE_DATE_EPOCH";

/**
 * Reads SOURCE_DATE_EPOCH from the build arguments, else from a global ARG. Given as empty it resets the default of the
 * Dockerfile.
 *
 * @throws {KilnError} kind `dockerfile`, if it is not an integer.
 */
export function settleEpoch(build: BuildArguments): SettledEpoch {
  const text = build.given.get(EPOCH) ?? build.globals.get(EPOCH) ?? "";
  const epoch = text === "" ? undefined : parseEpoch(text);
  if (!build.given.has(EPOCH) && epoch === undefined) return { build };
  const given = new Map(build.given);
  const globals = new Map(build.globals);
  for (const map of [given, globals]) {
    if (!map.has(EPOCH)) continue;
    if (epoch === undefined) map.delete(EPOCH);
    else map.set(EPOCH, String(epoch));
  }
  return { build: { given, globals }, ...(epoch === undefined ? {} : { epoch }) };
}

function parseEpoch(text: string): number {
  const seconds = /^[-+]?[0-9]+$/.test(text) ? Number(text) : NaN;
  if (Number.isSafeInteger(seconds)) return seconds;
  throw new KilnError("dockerfile", `Cannot use ${EPOCH} "${text}": it is not an integer`, {
    hint: `give seconds since 1970; "context" and names of contexts or stages are not supported yet`,
  });
}
