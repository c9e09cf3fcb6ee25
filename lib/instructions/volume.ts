/**
 * VOLUME: paths that a container gets volumes for. Nothing happens to the file system: what later instructions write
 * there stays in the image.
 *
 * @module
 */
import { badArgument, parsePaths } from "../dockerfile/arguments.ts";
import { parseFlags } from "../dockerfile/flags.ts";
import { trimSpace } from "../dockerfile/white_space.ts";
import { KilnError } from "../errors.ts";
import type { Instruction, Node, StageState } from "./instruction.ts";

/** A parsed VOLUME. */
export interface VolumeNode extends Node {
  readonly keyword: "VOLUME";
  readonly paths: readonly string[];
}

/** `VOLUME path...` or `VOLUME ["path", ...]`. */
export const VOLUME: Instruction<VolumeNode> = {
  keyword: "VOLUME",
  parse(line): VolumeNode {
    const { words } = parsePaths(line.rest);
    if (words.length === 0) throw badArgument(line, "it needs at least one path");
    parseFlags(line, {});
    const paths = words.map(trimSpace);
    if (paths.includes("")) throw badArgument(line, "a path is empty");
    return { keyword: "VOLUME", line, paths };
  },
  expand(node, expander): VolumeNode {
    const paths = node.paths.map((path) => {
      const expanded = expander.word(path);
      if (expanded === "") throw new KilnError("dockerfile", `Cannot use the volume "${path}": it expands to nothing`);
      return expanded;
    });
    return { ...node, paths };
  },
  configure(node, state): StageState {
    return { ...state, volumes: state.volumes.setAll(node.paths.map((path) => [path, true] as const)) };
  },
  history(node): string {
    return `VOLUME [${node.paths.join(" ")}]`;
  },
};
