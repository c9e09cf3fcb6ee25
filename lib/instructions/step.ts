/**
 * What an instruction may use while it changes the file system of its stage.
 *
 * @module
 */
import type { WorkerPool } from "../async/worker_pool.ts";
import type { DeviceSpec } from "../dockerfile/values/device.ts";
import type { GitSource } from "../dockerfile/values/git_source.ts";
import type { DeviceEdits } from "../exec/devices/device_edits.ts";
import type { ExecIo } from "../exec/launch.ts";
import type { MountSources } from "../exec/mounts/prepared.ts";
import type { BytePath } from "../io/byte_path.ts";
import type { ExpansionLimits } from "../io/expansion_limit.ts";
import type { Checksum } from "../oci/digest.ts";
import type { Report } from "../report/report.ts";
import type { RootFs } from "../rootfs/rootfs.ts";
import type { FileTree } from "../tree/file_tree.ts";
import type { Jobs } from "../worker.ts";
import type { Origin, StageState } from "./instruction.ts";

/** What ADD names that has to be fetched. */
export type RemoteSource =
  /** A file of a web server. */
  | { readonly kind: "http"; readonly url: string; readonly checksum?: Checksum }
  | { readonly kind: "git"; readonly git: GitSource };

/** One running step that makes files in a tree. */
export interface TreeStep {
  /** The state after the instruction. */
  readonly state: StageState;
  /** The tree: that of the stage between commands, or an empty one of the step's own (`--link`). */
  readonly root: BytePath;
  /** Returns what an instruction reads from; waits for a stage that is still being built. */
  tree(origin: Origin): Promise<FileTree>;
  /** Fetches a source; returns the tree and the path in it that was asked for. */
  remote(source: RemoteSource): Promise<{ readonly tree: FileTree; readonly path: BytePath }>;
  /** Returns what devices give a command. */
  devices(devices: readonly DeviceSpec[]): DeviceEdits;
  /** Where secrets, caches and the like come from. */
  readonly mounts: MountSources;
  /** A directory of this step, removed with everything in it afterwards. */
  readonly scratch: BytePath;
  /** Output of commands, and what ends them. */
  readonly io: ExecIo;
  /** The host name of commands. */
  readonly hostname: string;
  readonly pool: WorkerPool<Jobs>;
  /** How far an archive may expand that is unpacked. */
  readonly expansion: ExpansionLimits;
  readonly report: Report;
}

/** One running step that may run commands in the stage, too. */
export interface StepContext extends TreeStep {
  readonly rootfs: RootFs;
}
