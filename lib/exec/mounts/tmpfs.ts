/**
 * `RUN --mount=type=tmpfs`: an empty directory in memory.
 *
 * @module
 */
import type { MountPreparation, MountRequest } from "./prepared.ts";
import { targetOf } from "./target.ts";

/** Prepares a tmpfs mount. */
export function prepareTmpfs(mount: MountRequest): Promise<MountPreparation> {
  const size = mount.sizeBytes === undefined ? {} : { sizeBytes: mount.sizeBytes };
  return Promise.resolve({ mount: { kind: "tmpfs", type: "directory", target: targetOf(mount), ...size } });
}
