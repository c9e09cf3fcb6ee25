/**
 * Arguments that exist without an ARG (dockerfile.md 2.4): platform, proxy and control arguments.
 *
 * @module
 */
import { formatPlatform, type Platform } from "../oci/platform.ts";
import type { EnvironmentEntry } from "./instruction.ts";

/** Declared as ARG these tell a scanner what to look at; they never become variables. */
export const SCAN_ARGS: ReadonlySet<string> = new Set(["BUILDKIT_SBOM_SCAN_CONTEXT", "BUILDKIT_SBOM_SCAN_STAGE"]);

/** What the platform arguments are made from. */
export interface PlatformFacts {
  /** What the image is for. */
  readonly target: Platform;
  /** What builds it. */
  readonly builder: Platform;
  /** `--target`, else the name of the last stage, else undefined. */
  readonly targetStage: string | undefined;
}

/** Returns the platform arguments: global ones, visible in a stage after an ARG of that name. */
export function platformArguments({ target, builder, targetStage }: PlatformFacts): readonly EnvironmentEntry[] {
  const parts = (prefix: string, platform: Platform): readonly EnvironmentEntry[] => [
    [`${prefix}PLATFORM`, formatPlatform(platform)],
    [`${prefix}OS`, platform.os],
    [`${prefix}OSVERSION`, platform["os.version"] ?? ""],
    [`${prefix}ARCH`, platform.architecture],
    [`${prefix}VARIANT`, platform.variant ?? ""],
  ];
  return [...parts("BUILD", builder), ...parts("TARGET", target), ["TARGETSTAGE", targetStage || "default"]];
}

const PROXIES = ["HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY"];

/**
 * Returns the proxy variables of RUN, each in both cases, from the build arguments of these names in any case. They
 * are for RUN only: not in history, cache keys or expansions. Where several cases are given the lower one wins.
 */
export function proxyEnvironment(given: ReadonlyMap<string, string>): readonly EnvironmentEntry[] {
  // Upper-case letters come first in byte order, so the lower-case spelling is seen last.
  const names = [...given.keys()].sort();
  return PROXIES.flatMap((proxy): EnvironmentEntry[] => {
    const name = names.findLast((candidate) => candidate.toUpperCase() === proxy);
    const value = name === undefined ? undefined : given.get(name);
    return value === undefined || value === "" ? [] : [[proxy, value], [proxy.toLowerCase(), value]];
  });
}
