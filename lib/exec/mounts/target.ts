/**
 * The target a mount must have.
 *
 * @module
 */
import { KilnError } from "../../errors.ts";
import type { BytePath } from "../../io/byte_path.ts";
import type { MountRequest } from "./prepared.ts";

/** Returns the target. @throws {KilnError} if the mount has none */
export function targetOf(mount: MountRequest): BytePath {
  if (mount.target !== undefined && mount.target !== "") return mount.target;
  throw new KilnError("dockerfile", "Cannot mount: the mount has no target", { hint: "say where with target=PATH" });
}
