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
  /** As written, sorted; expanded and split again where the node is expanded. */
  readonly words: readonly string[];
}

/** `EXPOSE port[-end][/protocol]...`. A variable may hold several words. */
export const EXPOSE: Instruction<ExposeNode> = {
  keyword: "EXPOSE",
  parse(line): ExposeNode {
    const words = parseWords(line.rest);
    if (words.length === 0) throw badArgument(line, "it needs at least one port");
    parseFlags(line, {});
    // BuildKit sorts the words before it expands them; the order shows in the history.
    return { keyword: "EXPOSE", line, words: words.toSorted() };
  },
  expand(node, expander): ExposeNode {
    return { ...node, words: node.words.flatMap((word) => expander.words(word)) };
  },
  configure(node, state): StageState {
    return { ...state, ports: state.ports.setAll(portsOf(node).map((port) => [port, true] as const)) };
  },
  history(node): string {
    return `EXPOSE [${portsOf(node).join(" ")}]`;
  },
};

/** Returns keys such as `80/tcp`, in the order of the words. */
function portsOf({ words }: ExposeNode): readonly string[] {
  return words.flatMap(parsePorts);
}
