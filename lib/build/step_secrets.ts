/**
 * The secrets and ssh agents that the commands of a build ask for, looked for before anything is built: nobody is to
 * wait for half a build to hear that a file is missing.
 *
 * @module
 */
import { mountId } from "../dockerfile/values/mount.ts";
import type { AgentSource } from "../exec/agent/agent.ts";
import { requireSecret } from "../exec/mounts/secret.ts";
import { requireAgent } from "../exec/mounts/ssh.ts";
import { isOf } from "../instructions/instruction.ts";
import { RUN, type RunNode } from "../instructions/run.ts";
import { blame } from "./evaluate_stage.ts";
import type { BuildPlan } from "./plan.ts";

/** Where secrets and agents are looked for. */
export interface SecretSources {
  /** Returns a secret, or undefined if the build was not given it. */
  secret(id: string): Promise<Uint8Array | undefined>;
  /** What is behind the ssh agents of the build, by id. */
  readonly agents: ReadonlyMap<string, AgentSource>;
}

/**
 * Looks for what every RUN that is going to be built mounts.
 *
 * @throws {KilnError} kind `usage`, with the position of the step, for one that is required and was not given, and for
 *   a secret that cannot be read
 */
export async function checkStepSecrets({ stages }: BuildPlan, sources: SecretSources): Promise<void> {
  for (const step of [...stages.values()].flatMap(({ steps }) => steps)) {
    if (!isOf(RUN, step.expanded)) continue;
    try {
      await checkMounts(step.expanded, sources);
    } catch (error) {
      throw blame(step, error);
    }
  }
}

async function checkMounts({ mounts }: RunNode, sources: SecretSources): Promise<void> {
  for (const mount of mounts) {
    const asked = { id: mountId(mount), required: mount.required };
    if (mount.type === "secret") requireSecret(asked, await sources.secret(asked.id));
    if (mount.type === "ssh") requireAgent(asked, sources.agents.get(asked.id));
  }
}
