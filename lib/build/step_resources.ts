/**
 * What each step gets: a directory of its own, the way of its output, and access to what it may read.
 *
 * @module
 */
import type { WorkerPool } from "../async/worker_pool.ts";
import type { RemoteTrees } from "../contexts/remote_trees.ts";
import type { AgentSource } from "../exec/agent/agent.ts";
import type { MountSources } from "../exec/mounts/prepared.ts";
import type { HostFileReader } from "../exec/runtime_files.ts";
import type { SourceViews } from "../exec/mounts/source_views.ts";
import type { BytePath } from "../io/byte_path.ts";
import type { ExpansionLimits } from "../io/expansion_limit.ts";
import type { Origin, StageState } from "../instructions/instruction.ts";
import type { TreeStep } from "../instructions/step.ts";
import { OutputBudget } from "../report/output_limit.ts";
import { createOutputLines } from "../report/output_lines.ts";
import type { Redactor } from "../report/redactor.ts";
import type { Report } from "../report/report.ts";
import * as files from "../sys/file.ts";
import type { FileTree } from "../tree/file_tree.ts";
import { removeTree } from "../tree/remove.ts";
import type { Jobs } from "../worker.ts";
import { fetchRemote } from "./remote_sources.ts";
import type { StepDevices } from "./step_devices.ts";

/** What all steps of a build share. */
export interface StepShared {
  /** Steps make their directories in it. */
  readonly directory: BytePath;
  /** Holds the contents of cache mounts. */
  readonly cacheDirectory: string;
  /** What bind mounts show. */
  readonly views: SourceViews;
  /** A directory in memory for secrets; made when first asked for. */
  secretDirectory(): BytePath;
  /** Returns a secret, or undefined if the build was not given it. */
  secret(id: string): Promise<Uint8Array | undefined>;
  /** What is behind the ssh agents of the build, by id. */
  readonly agents: ReadonlyMap<string, AgentSource>;
  /** Reads the resolver files that commands get. */
  readonly hostFile: HostFileReader;
  readonly pool: WorkerPool<Jobs>;
  readonly redactor: Redactor;
  readonly signal: AbortSignal;
  /** How long a command may take to end once it was asked to, in milliseconds. */
  readonly graceMs: number;
  /** Aborted when nobody wants to wait for that. */
  readonly force: AbortSignal;
  /** How long a command may take in all, in milliseconds; absent: as long as it takes. */
  readonly timeoutMs?: number;
  /** How much of a step's output is logged, in bytes; 0: all. */
  readonly logLimitBytes: number;
  /** How far archives may expand. */
  readonly expansion: ExpansionLimits;
  /** What ADD fetches. */
  readonly remotes: RemoteTrees;
  /** What `RUN --device` gives. */
  readonly devices: StepDevices;
  /** Build arguments, for those that control the builder. */
  readonly buildArgs: ReadonlyMap<string, string>;
}

/** One step's part. */
export interface StepParts {
  readonly state: StageState;
  /** The tree that the step changes. */
  readonly root: BytePath;
  readonly report: Report;
  /** Returns what the step reads from. */
  tree(origin: Origin): Promise<FileTree>;
}

/** A step's context; disposed of when the step has ended. */
export class StepResources implements Disposable {
  readonly context: TreeStep;
  readonly #scratch: BytePath;
  readonly #end: () => void;

  constructor(shared: StepShared, parts: StepParts) {
    this.#scratch = `${shared.directory}/${crypto.randomUUID()}`;
    files.makeDirectory(files.AT_FDCWD, this.#scratch, 0o700);
    const budget = new OutputBudget(parts.report, shared.logLimitBytes);
    const [stdout, stderr] = (["stdout", "stderr"] as const).map((stream) =>
      createOutputLines(parts.report, stream, { redactor: shared.redactor, budget })
    );
    this.#end = () => {
      stdout?.end();
      stderr?.end();
    };
    this.context = {
      state: parts.state,
      root: parts.root,
      report: parts.report,
      pool: shared.pool,
      expansion: shared.expansion,
      scratch: this.#scratch,
      // As BuildKit's, which scripts in the wild test for.
      hostname: shared.buildArgs.get("BUILDKIT_SANDBOX_HOSTNAME") ?? "buildkitsandbox",
      tree: (origin) => parts.tree(origin),
      remote: (source) => fetchRemote(source, shared.remotes),
      devices: shared.devices,
      mounts: mountSources(shared, parts, this.#scratch),
      io: {
        stdout: (chunk) => stdout?.write(chunk),
        stderr: (chunk) => stderr?.write(chunk),
        signal: shared.signal,
        graceMs: shared.graceMs,
        force: shared.force,
        ...(shared.timeoutMs === undefined ? {} : { timeoutMs: shared.timeoutMs }),
      },
    };
  }

  [Symbol.dispose](): void {
    this.#end();
    removeTree(files.AT_FDCWD, this.#scratch);
  }
}

function mountSources(shared: StepShared, parts: StepParts, scratch: BytePath): MountSources {
  return {
    scratch,
    pool: shared.pool,
    views: shared.views,
    signal: shared.signal,
    report: parts.report,
    cacheDirectory: shared.cacheDirectory,
    hostFile: shared.hostFile,
    cacheNamespace: shared.buildArgs.get("BUILDKIT_CACHE_MOUNT_NS") ?? "",
    secretDirectory: () => shared.secretDirectory(),
    secret: async (id) => {
      const value = await shared.secret(id);
      return value === undefined ? undefined : new Uint8Array(value);
    },
    agent: (id) => shared.agents.get(id),
    tree: (from) =>
      parts.tree(from === undefined ? { kind: "context" } : { kind: "named", name: from, indexes: false }),
  };
}
