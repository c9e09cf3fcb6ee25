/**
 * ENTRYPOINT: the program of a container, in front of CMD.
 *
 * @module
 */
import { commandLine, commandLineHistory, type CommandLineNode, parseCommandLine } from "./command_line.ts";
import type { Instruction, StageState } from "./instruction.ts";

/** A parsed ENTRYPOINT. */
export type EntrypointNode = CommandLineNode<"ENTRYPOINT">;

/**
 * `ENTRYPOINT text` or `ENTRYPOINT ["word", ...]`. A CMD that was inherited, from an image or another stage, does not
 * belong to the new program and is dropped; one set earlier in this stage stays.
 */
export const ENTRYPOINT: Instruction<EntrypointNode> = {
  keyword: "ENTRYPOINT",
  parse(line): EntrypointNode {
    return parseCommandLine("ENTRYPOINT", line);
  },
  configure(node, state): StageState {
    const { Entrypoint: _replaced, Cmd, ...config } = state.config;
    const words = commandLine(node.command, state);
    return {
      ...state,
      lastOf: { ...state.lastOf, ENTRYPOINT: node.line },
      config: {
        ...config,
        ...(words.length === 0 ? {} : { Entrypoint: words }),
        ...(state.lastOf.CMD !== undefined && Cmd !== undefined ? { Cmd } : {}),
      },
    };
  },
  history(_node, state): string {
    return commandLineHistory("ENTRYPOINT", state.config.Entrypoint);
  },
};
