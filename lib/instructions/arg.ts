/**
 * ARG: declares arguments of the build (dockerfile.md 2.3). They are variables of RUN and of expansions from here on,
 * and never part of the image's environment.
 *
 * The value is, first wins: `--build-arg`, as given; the default, expanded; the global ARG of the name. Without any the
 * argument is declared and a variable of its name stays as it is.
 *
 * @module
 */
import { badArgument, parseQuotedWords } from "../dockerfile/arguments.ts";
import type { Instruction, Node, StageState } from "./instruction.ts";
import { SCAN_ARGS } from "./predefined_args.ts";

/** One argument; without value: no default, or none found. */
export interface ArgPair {
  readonly name: string;
  readonly value?: string;
}

/** A parsed ARG. */
export interface ArgNode extends Node {
  readonly keyword: "ARG";
  readonly pairs: readonly ArgPair[];
}

/** `ARG name[=default]...`. Flags are ignored, as BuildKit does. */
export const ARG: Instruction<ArgNode> = {
  keyword: "ARG",
  parse(line): ArgNode {
    const words = parseQuotedWords(line);
    if (words.length === 0) throw badArgument(line, "it needs at least one argument");
    const pairs = words.map((word): ArgPair => {
      const equals = word.indexOf("=");
      if (equals === 0) throw badArgument(line, `"${word}" has no name`);
      return equals < 0 ? { name: word } : { name: word.slice(0, equals), value: word.slice(equals + 1) };
    });
    return { keyword: "ARG", line, pairs };
  },
  expand(node, expander): ArgNode {
    const { given, globals } = expander.build;
    let seeing = expander;
    const pairs = node.pairs.map(({ name, value }): ArgPair => {
      // A default that a build argument replaces is not even looked at: it may hold a failing ${x:?}.
      const own = given.get(name) ?? (value === undefined ? globals.get(name) : seeing.word(value));
      // Arguments further right in the line see this one.
      seeing = seeing.with(name, SCAN_ARGS.has(name) ? undefined : own);
      return own === undefined ? { name } : { name, value: own };
    });
    return { ...node, pairs };
  },
  configure(node, state): StageState {
    return node.pairs.reduce(declare, state);
  },
  history(node): string {
    return `ARG ${node.pairs.map(({ name, value }) => value === undefined ? name : `${name}=${value}`).join(" ")}`;
  },
};

function declare(state: StageState, { name, value }: ArgPair): StageState {
  const args = state.args.set(name, value);
  if (value === undefined || SCAN_ARGS.has(name)) return { ...state, args };
  return { ...state, args, environment: state.environment.set(name, value) };
}
