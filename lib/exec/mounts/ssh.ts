/**
 * `RUN --mount=type=ssh`: the socket of an agent (dockerfile.md 3.2).
 *
 * @module
 */
import { KilnError } from "../../errors.ts";
import { bytePathOf } from "../../io/byte_path.ts";
import * as files from "../../sys/file.ts";
import { type AgentSource, startAgent } from "../agent/agent.ts";
import type { MountPreparation, MountRequest, MountSources } from "./prepared.ts";
import { targetOf } from "./target.ts";

const DEFAULT_MODE = 0o600;

/** Prepares an agent; one that the build does not have is left out unless it is required. */
export async function prepareSsh(mount: MountRequest, sources: MountSources): Promise<MountPreparation> {
  const source = sources.agent(mount.id);
  requireAgent(mount, source);
  if (source === undefined) return {};
  const target = targetOf(mount);
  const agent = await startAgent(source, sources.scratch);
  files.changeOwner(files.AT_FDCWD, agent.socket, { uid: mount.uid ?? 0, gid: mount.gid ?? 0 });
  files.changeMode(files.AT_FDCWD, agent.socket, mount.mode ?? DEFAULT_MODE);
  return {
    mount: { kind: "bind", type: "file", source: agent.socket, target, readOnly: false },
    environment: mount.env === undefined ? [] : [`${bytePathOf(mount.env)}=${target}`],
    release: () => agent.close(),
  };
}

/** @throws {KilnError} kind `usage`, if an agent is required that the build was not given */
export function requireAgent(
  { id, required }: Pick<MountRequest, "id" | "required">,
  source: AgentSource | undefined,
): void {
  if (source !== undefined || !required) return;
  throw new KilnError("usage", `Cannot mount the ssh agent "${id}": the build was not given it`, {
    hint: `pass it with --ssh=${id} or --ssh=${id}=SOCKET`,
  });
}
