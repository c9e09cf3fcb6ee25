/**
 * CMD: what a container runs, or the arguments of its ENTRYPOINT.
 *
 * @module
 */
import { commandLine, commandLineHistory, type CommandLineNode, parseCommandLine } from "./command_line.ts";
import type { Instruction, StageState } from "./instruction.ts";

/** A parsed CMD. */
export type CmdNode = CommandLineNode<"CMD">;

/** `CMD text` or `CMD ["word", ...]`. The last one counts; it never touches ENTRYPOINT. */
export const CMD: Instruction<CmdNode> = {
  keyword: "CMD",
  parse(line): CmdNode {
    return parseCommandLine("CMD", line);
  },
  configure(node, state): StageState {
    const Cmd = commandLine(node.command, state);
    return {
      ...state,
      config: { ...state.config, Cmd, ArgsEscaped: true },
      lastOf: { ...state.lastOf, CMD: node.line },
    };
  },
  history(_node, state): string {
    return commandLineHistory("CMD", state.config.Cmd);
  },
};
