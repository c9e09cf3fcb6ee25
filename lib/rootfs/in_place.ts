/**
 * Commands in the root of the container we are in ourselves, for hosts that allow neither mounts nor chroot: kaniko's way.
 *
 * One command at a time has the root; for its time the tree of its stage takes the place of the container's own files
 * (`tree/container_root.ts`). Whoever else needs those, to find credentials or run a helper, goes through the gate.
 *
 * @module
 */
import type { Gate } from "../async/gate.ts";
import { type ExecIo, launch } from "../exec/launch.ts";
import type { Abilities } from "../exec/abilities.ts";
import type { ExecResult, ExecSpec } from "../exec/spec.ts";
import { type BytePath, displayPath } from "../io/byte_path.ts";
import type { Report } from "../report/report.ts";
import { explainSysError } from "../sys/errno.ts";
import { asSubreaper, hideProcess } from "../sys/process_flags.ts";
import { ContainerRoot, type Entered, recoverRoot } from "../tree/container_root.ts";
import type { CommandEnd, Commands } from "./commands.ts";
import type { RootLock } from "./root_lock.ts";

/** What they are run with. */
export interface InPlaceOptions {
  /** `/`, but for tests. */
  readonly root: BytePath;
  /** A directory in the root's file system, and kept: `ROOT_EXCHANGE` in that of the build. */
  readonly directory: BytePath;
  /** What is ours, relative to the root. */
  readonly kept: readonly BytePath[];
  /** As in `ContainerRootOptions`. */
  readonly isClaimed?: true;
  /** Nobody else may rely on the root, or put files into it. */
  readonly lock: RootLock;
  /** Alone is who has the root. */
  readonly gate: Gate;
  readonly abilities: Abilities;
  readonly report: Report;
}

/** Places that differ from an image's in every container, whoever runs it. */
const USUAL = new Set(["proc", "sys", "dev", "etc/resolv.conf", "etc/hosts", "etc/hostname"]);

/** Runs commands in our own root. */
export class InPlaceCommands implements Commands {
  readonly isolation = "in-place";
  readonly description =
    "commands one at a time in this container's own root (RUN sees its /proc, /sys and /dev, what is mounted, and /kaniko)";
  readonly canMount = false;
  readonly #options: InPlaceOptions;
  readonly #root: ContainerRoot;
  /** Places it was said of that commands do not see the image's files there. */
  readonly #told = new Set<BytePath>();
  /** Why the last command is the last one: after it the container's own files could not be put back at once. */
  #failure: unknown;

  /** @throws {KilnError} kind `interrupted`, if another build has the root */
  constructor(options: InPlaceOptions) {
    this.#options = options;
    options.lock.own();
    this.#root = ContainerRoot.open(options.root, options);
    asSubreaper();
    // Commands have our user, and in a default pod our capabilities.
    if (options.root === "/") hideProcess();
  }

  get containerPlaces(): readonly BytePath[] {
    return this.#root.places;
  }

  async run(tree: BytePath, spec: ExecSpec, io: ExecIo): Promise<CommandEnd> {
    const { root, abilities, gate } = this.#options;
    using _turn = await gate.alone(io.signal);
    if (this.#failure !== undefined) throw this.#failure;
    const entered = this.#enter(tree);
    let result: ExecResult;
    try {
      result = await launch(root, spec, io, { ...abilities, namespaces: false, inPlace: true });
    } catch (error) {
      this.#leave(entered);
      throw error;
    }
    return { result, restored: this.#leave(entered) };
  }

  [Symbol.dispose](): void {
    this.#root[Symbol.dispose]();
  }

  /**
   * Not in a Worker: all of them may be waiting for downloads, and those for credentials, which nobody looks for while a
   * command has the root.
   */
  #enter(tree: BytePath): Entered {
    try {
      const entered = this.#root.enter(tree);
      for (const path of entered.covered) this.#tellCovered(path);
      return entered;
    } catch (error) {
      const failure = explainSysError(error, "put the files of the stage into the root of this container", "disk");
      this.#putBack(failure);
      throw failure;
    }
  }

  #leave(entered: Entered): readonly BytePath[] {
    try {
      const { restored, lost } = this.#root.leave(entered);
      for (const path of lost) {
        const shown = displayPath(path);
        const text = `Not in the image: what RUN wrote to "/${shown}", which is no directory in the image`;
        this.#options.report.message("warn", text);
      }
      return restored;
    } catch (error) {
      this.#failure = explainSysError(error, "take the files of the stage out of the root of this container", "disk");
      this.#putBack(this.#failure);
      throw this.#failure;
    }
  }

  /**
   * Ends an exchange that failed. If that fails too, the end of the build or the next one may have more luck; until then
   * the root is not to be relied on: it may have the image's credentials and helpers (S29).
   */
  #putBack(failure: unknown): void {
    const { directory, gate } = this.#options;
    try {
      recoverRoot(directory);
    } catch {
      gate.close(failure);
    }
  }

  #tellCovered(path: BytePath): void {
    if (USUAL.has(path) || this.#told.has(path)) return;
    this.#told.add(path);
    const text = `RUN does not see what the image has at "/${displayPath(path)}": this container has its own there`;
    this.#options.report.message("warn", text);
  }
}
