/**
 * Commands that have the tree as their root: by pivot_root in namespaces of their own, or where there are none by
 * chroot(2).
 *
 * @module
 */
import { type ExecIo, launch } from "../exec/launch.ts";
import type { Abilities } from "../exec/abilities.ts";
import type { ExecSpec } from "../exec/spec.ts";
import type { BytePath } from "../io/byte_path.ts";
import type { CommandEnd, Commands } from "./commands.ts";

/** Runs commands below the tree. */
export class ChrootCommands implements Commands {
  readonly isolation = "chroot";
  readonly containerPlaces = [];
  readonly #abilities: Abilities;

  constructor(abilities: Abilities) {
    this.#abilities = abilities;
  }

  get description(): string {
    return this.canMount ? "own namespaces for every command" : "chroot for every command (no namespaces, no /proc)";
  }

  get canMount(): boolean {
    return this.#abilities.namespaces;
  }

  async run(tree: BytePath, spec: ExecSpec, io: ExecIo): Promise<CommandEnd> {
    return { result: await launch(tree, spec, io, this.#abilities), restored: [] };
  }

  [Symbol.dispose](): void {}
}
