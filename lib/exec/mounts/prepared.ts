/**
 * What preparing the mounts of a command takes and gives.
 *
 * @module
 */
import type { WorkerPool } from "../../async/worker_pool.ts";
import type { BytePath } from "../../io/byte_path.ts";
import type { Report } from "../../report/report.ts";
import type { FileTree } from "../../tree/file_tree.ts";
import type { Jobs } from "../../worker.ts";
import type { AgentSource } from "../agent/agent.ts";
import type { HostFileReader } from "../runtime_files.ts";
import type { PreparedMount } from "../spec.ts";
import type { OwnView, SourceViews } from "./source_views.ts";

/** One `--mount`, with its defaults filled in. Names and ids are text, as the Dockerfile has them. */
export interface MountRequest {
  /** A stage or an image; absent: the build context, or nothing for a cache. */
  readonly from?: string;
  readonly source?: string;
  /** Absolute; absent: a secret that is only a variable. */
  readonly target?: BytePath;
  readonly readOnly: boolean;
  /** Of a secret, a cache or an agent, else "". */
  readonly id: string;
  /** Bytes, for tmpfs; absent: no limit. */
  readonly sizeBytes?: number;
  readonly sharing: "shared" | "private" | "locked";
  /** Whether a missing secret or agent is an error. */
  readonly required: boolean;
  /** The variable that holds a secret, or the path of an agent's socket. */
  readonly env?: string;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
}

/** Where mounts get what they mount. */
export interface MountSources {
  /** Returns the tree of `from=`, or the build context. */
  tree(from: string | undefined): Promise<FileTree>;
  /** Returns a secret, or undefined if the build was not given it. */
  secret(id: string): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /** Returns what is behind an ssh agent, or undefined if the build was not given it. */
  agent(id: string): AgentSource | undefined;
  /** Reads the resolver files of the host. */
  readonly hostFile: HostFileReader;
  /** Holds the contents of cache mounts, for all builds. */
  readonly cacheDirectory: string;
  /** Put in front of cache ids (`BUILDKIT_CACHE_MOUNT_NS`). */
  readonly cacheNamespace: string;
  /** A directory in memory that only this process can read. */
  secretDirectory(): BytePath;
  /** A directory of this step, removed with everything in it afterwards. */
  readonly scratch: BytePath;
  readonly pool: WorkerPool<Jobs>;
  /** What bind mounts show, for all steps of the build. */
  readonly views: SourceViews;
  /** Ends waiting for a cache. */
  readonly signal: AbortSignal;
  /** Is told what is waited for. */
  readonly report: Report;
}

/** One mount, ready; `release` is called when the command has ended. */
export interface MountPreparation {
  /** Absent: nothing is mounted (a secret that is only a variable, or is missing and not required). */
  readonly mount?: PreparedMount;
  /** `NAME=value` lines for the command. */
  readonly environment?: readonly BytePath[];
  /** Of a mount whose source others see: makes a view for this command alone, in which mount points may be made. */
  own?(): Promise<OwnView>;
  release?(): void;
}

/** What the file of one mount type offers: makes everything ready but the mount point. */
export type PrepareMount = (mount: MountRequest, sources: MountSources) => Promise<MountPreparation>;
