/**
 * The state a stage begins with, and what is read from a state (dockerfile.md 2.3, 3.0).
 *
 * @module
 */
import type { ContainerConfig, ImageConfig } from "../oci/config.ts";
import type { Platform } from "../oci/platform.ts";
import type { BuildArguments, EnvironmentEntry, StageState } from "./instruction.ts";
import { proxyEnvironment } from "./predefined_args.ts";

/** Where programs are looked for when an image does not say. */
export const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** What every stage of one build has in common. */
export interface StageFacts {
  readonly build: BuildArguments;
  readonly platform: Platform;
}

/** Returns the state behind `FROM scratch`. */
export function scratchState(facts: StageFacts): StageState {
  return stateOver({ WorkingDir: "/" }, facts);
}

/** Returns the state behind the FROM of an image: its config, without the triggers, which fire now. */
export function imageState(image: ImageConfig, facts: StageFacts): StageState {
  const { OnBuild: _fired, ...config } = image.config;
  return { ...stateOver(config, facts), ...(image.author === undefined ? {} : { author: image.author }) };
}

/**
 * Returns the state behind the FROM of another stage: its config, variables and ARGs. CMD counts as not yet set. Where
 * an ARG had replaced a variable of the config, the config's value is back, as behind the FROM of an image.
 */
export function childState(parent: StageState): StageState {
  const { OnBuild: _fired, ...config } = parent.config;
  const environment = [...new Map([...parent.environment, ...(config.Env ?? []).map(parseEnvironmentLine)])];
  return { ...parent, config, environment, cmdSet: false };
}

/** Returns the shell that shell forms run in. */
export function shellOf(state: StageState): readonly string[] {
  const { Shell } = state.config;
  if (Shell !== undefined && Shell.length > 0) return Shell;
  return state.platform.os === "windows" ? ["cmd", "/S", "/C"] : ["/bin/sh", "-c"];
}

/** Returns the environment of a RUN: variables, then proxies, then a PATH if there is none. A later entry wins. */
export function runEnvironment(state: StageState): readonly EnvironmentEntry[] {
  const entries = [...state.environment, ...proxyEnvironment(state.build.given)];
  return hasPath(entries) || state.platform.os === "windows" ? entries : [...entries, ["PATH", DEFAULT_PATH]];
}

/** Sets a variable: in its place if it is there, else at the end. */
export function setVariable(
  environment: readonly EnvironmentEntry[],
  [name, value]: EnvironmentEntry,
): readonly EnvironmentEntry[] {
  const at = environment.findIndex(([known]) => known === name);
  return at < 0 ? [...environment, [name, value]] : environment.with(at, [name, value]);
}

/** Splits `NAME=value`; without `=` the value is empty. */
export function parseEnvironmentLine(line: string): EnvironmentEntry {
  const equals = line.indexOf("=");
  return equals < 0 ? [line, ""] : [line.slice(0, equals), line.slice(equals + 1)];
}

function stateOver(config: ContainerConfig, facts: StageFacts): StageState {
  const lines = config.Env ?? [];
  const needsPath = facts.platform.os !== "windows" && !hasPath(lines.map(parseEnvironmentLine));
  const env = needsPath ? [...lines, `PATH=${DEFAULT_PATH}`] : lines;
  return {
    config: env.length === 0 ? config : { ...config, Env: env },
    // A Map keeps the place of what is set again.
    environment: [...new Map(env.map(parseEnvironmentLine))],
    args: [],
    build: facts.build,
    platform: facts.platform,
    cmdSet: false,
  };
}

function hasPath(entries: readonly EnvironmentEntry[]): boolean {
  return entries.some(([name]) => name === "PATH");
}
