/**
 * How registries are talked to, as the flags say it.
 *
 * @module
 */
import { KilnError } from "../errors.ts";
import type { BuildFlags } from "./flags.ts";

/** How registries are talked to. */
export interface RegistryOptions {
  /** Plain http for pushes, to every registry. */
  readonly insecurePush: boolean;
  /** Plain http for pulls, from every registry. */
  readonly insecurePull: boolean;
  /** Plain http for these, push and pull; lower case, with the port if one was given. */
  readonly insecureRegistries: ReadonlySet<string>;
  /** What `UPSTREAM_CLIENT_TYPE` adds to the user agent. */
  readonly clientType?: string;
}

/** What parsing reads of the world. */
export interface RegistryWorld {
  env(name: string): string | undefined;
}

/**
 * Makes the record for registries.
 *
 * @param insecure registries that `--output` wants plain http for.
 * @throws {KilnError} kind `usage`, if `--insecure-registry` names no host.
 */
export function parseRegistryOptions(
  flags: BuildFlags,
  insecure: readonly string[],
  world: RegistryWorld,
): RegistryOptions {
  const clientType = parseClientType(world.env("UPSTREAM_CLIENT_TYPE"));
  return {
    insecurePush: flags.insecure,
    insecurePull: flags["insecure-pull"],
    insecureRegistries: new Set([...flags["insecure-registry"].map(parseHost), ...insecure]),
    ...(clientType === undefined ? {} : { clientType }),
  };
}

function parseHost(text: string): string {
  if (/^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:]+\])(?::[0-9]{1,5})?$/.test(text)) {
    return text.toLowerCase();
  }
  throw new KilnError("usage", `Cannot use --insecure-registry "${text}": it is not HOST or HOST:PORT`);
}

/** It becomes part of a header: anything but plain characters could smuggle in another one. */
function parseClientType(text: string | undefined): string | undefined {
  return text !== undefined && /^[\x21-\x7e]{1,100}$/.test(text) ? text : undefined;
}
