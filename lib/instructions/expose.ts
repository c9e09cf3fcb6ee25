/**
 * EXPOSE: ports a container listens on (dockerfile.md 3.10).
 *
 * @module
 */
import { badArgument, parseWords } from "../dockerfile/arguments.ts";
import { parseFlags } from "../dockerfile/flags.ts";
import { parsePorts } from "../dockerfile/values/port.ts";
import type { Instruction, Node, StageState } from "./instruction.ts";

/** A parsed EXPOSE. */
export interface ExposeNode extends Node {
  readonly keyword: "EXPOSE";
  /** Words as written, sorted. */
  readonly words: readonly string[];
  /** Keys such as `80/tcp`, in the order of the words; empty until expanded. */
  readonly ports: readonly string[];
}

/** `EXPOSE port[-end][/protocol]...`. A variable may hold several words. */
export const EXPOSE: Instruction<ExposeNode> = {
  keyword: "EXPOSE",
  parse(line): ExposeNode {
    const words = parseWords(line.rest);
    if (words.length === 0) throw badArgument(line, "it needs at least one port");
    parseFlags(line, {});
    // BuildKit sorts the words before it expands them; the order shows in the history.
    return { keyword: "EXPOSE", line, words: words.toSorted(), ports: [] };
  },
  expand(node, expander): ExposeNode {
    const ports = node.words.flatMap((word) => expander.words(word)).map(parsePorts);
    for (const finding of ports.flatMap(({ findings }) => findings)) expander.warn(finding);
    return { ...node, ports: ports.flatMap(({ keys }) => keys) };
  },
  configure(node, state): StageState {
    return { ...state, ports: state.ports.setAll(node.ports.map((port) => [port, true] as const)) };
  },
  history(node): string {
    return `EXPOSE [${node.ports.join(" ")}]`;
  },
};
