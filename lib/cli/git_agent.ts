/**
 * The agent that ssh asks when the build fetches a repository: `--ssh default`, else the one of the environment.
 *
 * @module
 */
import { type AgentSource, type RunningAgent, startAgent } from "../exec/agent/agent.ts";
import { type BytePath, textOf } from "../io/byte_path.ts";
import { close, openDirectory } from "../sys/file.ts";

/** An agent as programs find it. */
export interface GitAgent extends Disposable {
  /** What `SSH_AUTH_SOCK` is for them; undefined: as it is. */
  readonly socket: string | undefined;
}

/** Starts an agent if there is none yet. @param directory of the build; made when it is needed */
export async function startGitAgent(source: AgentSource | undefined, directory: () => BytePath): Promise<GitAgent> {
  if (source === undefined) return { socket: undefined, [Symbol.dispose]: () => {} };
  if (source.kind === "socket") return { socket: source.path, [Symbol.dispose]: () => {} };
  const path = directory();
  const agent: RunningAgent = await startAgent(source, path);
  const fd = openDirectory(path);
  const name = (textOf(agent.socket) ?? "").split("/").at(-1) ?? "";
  return {
    // ssh takes no path of more than 107 bytes, and that of a work directory may be longer.
    socket: `/proc/${Deno.pid}/fd/${fd}/${name}`,
    [Symbol.dispose]: () => {
      agent.close();
      close(fd);
    },
  };
}
