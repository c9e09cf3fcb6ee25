/**
 * What the entry module hands to the commands.
 *
 * @module
 */
import type { MountAbility } from "../sys/private_mounts.ts";

/** What only the entry module knows. */
export interface Startup {
  readonly mounts: MountAbility;
  /** The Workers' module. */
  readonly workerModule: URL;
}
