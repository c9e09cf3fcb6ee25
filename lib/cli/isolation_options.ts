/**
 * Where and how RUN is executed, as the flags say it.
 *
 * @module
 */
import { dirname, join, resolve } from "node:path/posix";
import { KilnError } from "../errors.ts";
import type { IsolationRequest } from "../rootfs/isolation.ts";
import type { BuildFlags } from "./flags.ts";

/** Where and how RUN is executed. */
export interface IsolationOptions {
  readonly isolation: IsolationRequest;
  /** Absolute; it need not exist. */
  readonly workDirectory: string;
  /** Whether the root we are in may be built in, whatever it is. */
  readonly force: boolean;
}

/** What parsing reads of the world. */
export interface IsolationWorld {
  env(name: string): string | undefined;
  readonly cwd: string;
  /** The running program, absolute. */
  readonly executable: string;
}

/** Where the executor image keeps everything. */
export const IMAGE_DIRECTORY = "/kaniko";

/**
 * Makes the record for isolation.
 *
 * @throws {KilnError} kind `disk`, if no place for the work directory is known.
 */
export function parseIsolationOptions(flags: BuildFlags, world: IsolationWorld): IsolationOptions {
  const { isolation, force } = flags;
  const given = flags["work-dir"] ?? flags["kaniko-dir"];
  const least = flags["require-isolation"];
  return {
    isolation: { wanted: isolation, ...(least === undefined ? {} : { least }) },
    force,
    workDirectory: given === undefined ? defaultDirectory(world) : resolve(world.cwd, given),
  };
}

/** decisions.md 11. The executor image is recognised by where the program itself is. */
function defaultDirectory(world: IsolationWorld): string {
  if (dirname(world.executable) === IMAGE_DIRECTORY) return IMAGE_DIRECTORY;
  const cache = world.env("XDG_CACHE_HOME") ?? "";
  // The XDG specification: a relative path is to be ignored.
  if (cache.startsWith("/")) return join(cache, "kiln");
  const home = world.env("HOME") ?? "";
  if (home.startsWith("/")) return join(home, ".cache/kiln");
  throw new KilnError("disk", "Cannot choose a work directory: neither XDG_CACHE_HOME nor HOME is set", {
    hint: "name one with --work-dir",
  });
}
