/**
 * MAINTAINER: the author of the image. Deprecated in favour of a label.
 *
 * @module
 */
import { oneArgument } from "../dockerfile/arguments.ts";
import { parseFlags } from "../dockerfile/flags.ts";
import type { Instruction, Node, StageState } from "./instruction.ts";

/** A parsed MAINTAINER. */
export interface MaintainerNode extends Node {
  readonly keyword: "MAINTAINER";
  readonly author: string;
}

/** `MAINTAINER text`. Nothing in it is expanded. */
export const MAINTAINER: Instruction<MaintainerNode> = {
  keyword: "MAINTAINER",
  parse(line): MaintainerNode {
    const author = oneArgument(line);
    parseFlags(line, {});
    return { keyword: "MAINTAINER", line, author };
  },
  configure(node, state): StageState {
    return { ...state, author: node.author };
  },
  history(node): string {
    return `MAINTAINER ${node.author}`;
  },
};
