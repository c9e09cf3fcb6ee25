/**
 * SHELL: what runs the shell forms of RUN, CMD and ENTRYPOINT from here on, in this stage and those built on it.
 *
 * @module
 */
import { badArgument, parseCommand } from "../dockerfile/arguments.ts";
import { parseFlags } from "../dockerfile/flags.ts";
import type { Instruction, Node, StageState } from "./instruction.ts";

/** A parsed SHELL. */
export interface ShellNode extends Node {
  readonly keyword: "SHELL";
  /** At least one word. */
  readonly words: readonly string[];
}

/** `SHELL ["program", "argument", ...]`. */
export const SHELL: Instruction<ShellNode> = {
  keyword: "SHELL",
  parse(line): ShellNode {
    parseFlags(line, {});
    const command = parseCommand(line.rest);
    if (command?.form === "shell") {
      throw badArgument(line, `"${line.rest}" is not a JSON array`, 'write SHELL ["program", "argument"]');
    }
    if (command === undefined || command.argv.length === 0) throw badArgument(line, "it needs at least one word");
    return { keyword: "SHELL", line, words: command.argv };
  },
  configure(node, state): StageState {
    return { ...state, config: { ...state.config, Shell: node.words } };
  },
  history(node): string {
    return `SHELL [${node.words.join(" ")}]`;
  },
};
