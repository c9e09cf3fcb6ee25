/**
 * What `check` and `plan` read of the flags of a build.
 *
 * @module
 */
import { dirname, join, resolve } from "node:path/posix";
import { environmentNotices } from "./environment.ts";
import type { BuildFlags } from "./flags.ts";
import { parseIsolationOptions } from "./isolation_options.ts";
import type { OptionsWorld } from "./build_options.ts";
import { parseOutputFlags } from "./output_flag.ts";
import { mergeWishes } from "./output_wishes.ts";
import type { Notice } from "./parse.ts";
import { parseRegistryOptions, type RegistryOptions } from "./registry_options.ts";
import { parseRequestOptions, type RequestOptions } from "./request_options.ts";

/** How to plan without building. */
export interface InspectOptions {
  readonly request: RequestOptions;
  readonly registry: RegistryOptions;
  /** Used only if a context has to be fetched. */
  readonly workDirectory: string;
  /** Whether no registry is asked. */
  readonly offline: boolean;
  /** Whether to go on where the config of a base image cannot be had. */
  readonly tolerant: boolean;
}

/** What the two have of their own. */
export interface InspectFlags {
  readonly offline: boolean;
  readonly tolerant: boolean;
}

/** Makes the record. @throws {KilnError} kind `usage`, naming the flag */
export function parseInspectOptions(
  flags: BuildFlags,
  own: InspectFlags,
  { world, notices }: { readonly world: OptionsWorld; readonly notices: Notice[] },
): InspectOptions {
  notices.push(...environmentNotices(world));
  const outputs = parseOutputFlags(flags.output, world);
  return {
    request: parseRequestOptions(flags, mergeWishes(flags, outputs), world, notices),
    registry: parseRegistryOptions(flags, outputs.flatMap(({ wishes }) => wishes.insecure), world),
    workDirectory: parseIsolationOptions(flags, world).workDirectory,
    ...own,
  };
}

/**
 * Returns the flags for one argument of `check`: a Dockerfile, whose context is its directory unless `--context` says
 * otherwise, or a context, in which `--dockerfile` is looked up.
 */
export function flagsForArgument(flags: BuildFlags, argument: string | undefined, cwd: string): BuildFlags {
  if (argument === undefined) return flags.context === "" ? { ...flags, context: "." } : flags;
  if (/^[a-z0-9-]+:\/\//i.test(argument)) {
    if (!/^https?:/i.test(argument)) return { ...flags, context: argument };
    return { ...flags, dockerfile: argument, context: flags.context === "" ? "." : flags.context };
  }
  if (isDirectory(resolve(cwd, argument))) {
    return { ...flags, context: argument, dockerfile: join(argument, flags.dockerfile) };
  }
  return { ...flags, dockerfile: argument, context: flags.context === "" ? dirname(argument) : flags.context };
}

function isDirectory(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    // Whoever reads it says what is wrong with it.
    return false;
  }
}
