/**
 * The state a stage begins with, and what is read from a state (dockerfile.md 2.3, 3.0).
 *
 * @module
 */
import type { ContainerConfig, ImageConfig } from "../oci/config.ts";
import type { Platform } from "../oci/platform.ts";
import type { BuildArguments, EnvironmentEntry, GrowingField, StageState } from "./instruction.ts";
import { proxyEnvironment } from "./predefined_args.ts";
import { VersionedMap } from "./versioned_map.ts";

/** Where programs are looked for when an image does not say. */
const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

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
  const own = Array.from(parent.env, ([, line]) => parseEnvironmentLine(line));
  // Only what differs is set: a new version of the parent's map may cost a copy of it.
  const environment = parent.environment.setAll(
    [...new Map(own)].filter(([name, value]) => parent.environment.get(name) !== value),
  );
  return { ...parent, config, environment, lastOf: {} };
}

/** Returns the whole `config` object. */
export function containerConfig(state: StageState): ContainerConfig {
  const grown: Pick<ContainerConfig, GrowingField> = {
    Env: Array.from(state.env, ([, line]) => line),
    ExposedPorts: [...state.ports.keys()],
    // fromEntries defines properties: a label called __proto__ is a label.
    Labels: Object.fromEntries(state.labels),
    Volumes: [...state.volumes.keys()],
  };
  const filled = Object.entries(grown).filter(([, value]) => Object.keys(value).length > 0);
  return { ...state.config, ...Object.fromEntries(filled) };
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

/** Splits `NAME=value`; without `=` the value is empty. */
function parseEnvironmentLine(line: string): EnvironmentEntry {
  const equals = line.indexOf("=");
  return equals < 0 ? [line, ""] : [line.slice(0, equals), line.slice(equals + 1)];
}

function stateOver(
  { Env: lines = [], ExposedPorts = [], Labels = {}, Volumes = [], ...config }: ContainerConfig,
  facts: StageFacts,
): StageState {
  const needsPath = facts.platform.os !== "windows" && !hasPath(lines.map(parseEnvironmentLine));
  const env = needsPath ? [...lines, `PATH=${DEFAULT_PATH}`] : lines;
  const present = (names: readonly string[]): VersionedMap<true> => VersionedMap.of(names.map((name) => [name, true]));
  return {
    config,
    env: VersionedMap.of(linesByName(env)),
    labels: VersionedMap.of(Object.entries(Labels)),
    ports: present(ExposedPorts),
    volumes: present(Volumes),
    environment: VersionedMap.of(env.map(parseEnvironmentLine)),
    args: VersionedMap.of(),
    build: facts.build,
    platform: facts.platform,
    lastOf: {},
    workdirSet: false,
  };
}

/** ENV replaces the first line of a name; further ones, which an odd image may have, stay as they are. */
function linesByName(lines: readonly string[]): readonly EnvironmentEntry[] {
  const seen = new Set<string>();
  return lines.map((line, at) => {
    const [name] = parseEnvironmentLine(line);
    const key = seen.has(name) ? `${name}=${at}` : name;
    seen.add(name);
    return [key, line];
  });
}

function hasPath(entries: readonly EnvironmentEntry[]): boolean {
  return entries.some(([name]) => name === "PATH");
}
