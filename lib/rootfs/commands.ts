/**
 * How the commands of stages that are plain directories are run.
 *
 * @module
 */
import type { ExecIo } from "../exec/launch.ts";
import type { ExecResult, ExecSpec } from "../exec/spec.ts";
import type { BytePath } from "../io/byte_path.ts";
import type { Isolation } from "./isolation.ts";

/** What has become of a command. */
export interface CommandEnd {
  readonly result: ExecResult;
  /** Files of the tree that were moved for the command and that it left alone: that their ctime changed means nothing. */
  readonly restored: readonly BytePath[];
}

/** One way to run them. Disposing of it ends what it holds for the whole build. */
export interface Commands extends Disposable {
  readonly isolation: Isolation;
  /** In words, for the report: `own namespaces for every command`. */
  readonly description: string;
  /** Whether they can have mounts of their own. */
  readonly canMount: boolean;
  /** As in `RootFs`. */
  readonly containerPlaces: readonly BytePath[];
  /** Runs one in the tree at `tree`. */
  run(tree: BytePath, spec: ExecSpec, io: ExecIo): Promise<CommandEnd>;
}
