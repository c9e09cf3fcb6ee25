/**
 * USER: who RUN, WORKDIR and the container run as. Stored as written; the names in it are looked up when used.
 *
 * @module
 */
import { oneArgument } from "../dockerfile/arguments.ts";
import { parseFlags } from "../dockerfile/flags.ts";
import type { Instruction, Node, StageState } from "./instruction.ts";

/** A parsed USER. */
export interface UserNode extends Node {
  readonly keyword: "USER";
  /** `user[:group]`. */
  readonly user: string;
}

/** `USER user[:group]`. */
export const USER: Instruction<UserNode> = {
  keyword: "USER",
  parse(line): UserNode {
    const user = oneArgument(line);
    parseFlags(line, {});
    return { keyword: "USER", line, user };
  },
  expand(node, expander): UserNode {
    return { ...node, user: expander.word(node.user) };
  },
  configure(node, state): StageState {
    return { ...state, config: { ...state.config, User: node.user } };
  },
  history(node): string {
    return `USER ${node.user}`;
  },
};
