/**
 * WORKDIR: the directory later instructions and the container start in; it is made if missing (dockerfile.md 3.8).
 *
 * @module
 */
import { posix } from "node:path";
import { oneArgument } from "../dockerfile/arguments.ts";
import { parseFlags } from "../dockerfile/flags.ts";
import { parseOwner } from "../dockerfile/values/user.ts";
import { lookUpOwner, type Owner } from "../exec/users.ts";
import { bytePathOf } from "../io/byte_path.ts";
import { withDirectory } from "../sys/file.ts";
import type { Instruction, Node, StageState } from "./instruction.ts";

/** A parsed WORKDIR. */
export interface WorkdirNode extends Node {
  readonly keyword: "WORKDIR";
  readonly path: string;
}

/** `WORKDIR path`. A relative path is joined to the directory so far; an absolute one is stored as written. */
export const WORKDIR: Instruction<WorkdirNode> = {
  keyword: "WORKDIR",
  parse(line): WorkdirNode {
    const path = oneArgument(line);
    parseFlags(line, {});
    return { keyword: "WORKDIR", line, path };
  },
  expand(node, expander): WorkdirNode {
    return { ...node, path: expander.word(node.path) };
  },
  configure(node, state): StageState {
    const WorkingDir = joinWorkingDirectory(state.config.WorkingDir, node.path);
    return { ...state, workdirSet: true, config: { ...state.config, WorkingDir } };
  },
  history(_node, state): string {
    return `WORKDIR ${state.config.WorkingDir}`;
  },
  makesLayer(_node, state): boolean {
    return state.config.WorkingDir !== "/";
  },
  async run(_node, { state, root, pool }): Promise<void> {
    const path = bytePathOf(state.config.WorkingDir ?? "/");
    const owner = withDirectory(root, (fd) => ownerOf(fd, state.config.User ?? ""));
    await pool.run("makeWorkingDirectory", { root, path, how: { owner } });
  },
};

/** As BuildKit, which asks who a file belongs to, not who a command runs as: of a lone number, the group has it too. */
function ownerOf(root: number, user: string): Owner | undefined {
  if (user === "") return undefined;
  return lookUpOwner(root, parseOwner(user.replace(/:$/, "")));
}

function joinWorkingDirectory(current: string | undefined, path: string): string {
  const base = posix.isAbsolute(current ?? "") ? current ?? "/" : posix.join("/", current ?? "");
  if (path === "") return base;
  return posix.isAbsolute(path) ? path : withoutTrailingSlash(posix.join(base, path));
}

/** Go's path.Join leaves no slash at the end, Node's does. */
function withoutTrailingSlash(path: string): string {
  return path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path;
}
