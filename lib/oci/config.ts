/**
 * Image configs: the JSON document that says how a container of the image is run.
 *
 * Sources: https://github.com/opencontainers/image-spec/blob/main/config.md, and Docker's extensions to its
 * `config` object (Healthcheck, OnBuild, Shell, ArgsEscaped). Field names are those of the JSON.
 *
 * @module
 */
import { KilnError } from "../errors.ts";
import { type Digest, parseDigest } from "./digest.ts";
import {
  asArray,
  asObject,
  type Fields,
  optionalBoolean,
  optionalInteger,
  optionalRecord,
  optionalSet,
  optionalString,
  optionalStrings,
  requiredString,
} from "./json.ts";
import { parseStrictJson, type Shape } from "./strict_json.ts";

/** Docker's health check. Durations are in nanoseconds; 0 and absent mean the runtime's default. */
export interface Healthcheck {
  readonly Test?: readonly string[];
  readonly Interval?: number;
  readonly Timeout?: number;
  readonly StartPeriod?: number;
  readonly StartInterval?: number;
  readonly Retries?: number;
}

/** How a container of the image is run: the `config` object of an image config. */
export interface ContainerConfig {
  readonly User?: string;
  readonly ExposedPorts?: readonly string[];
  readonly Env?: readonly string[];
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly Volumes?: readonly string[];
  readonly WorkingDir?: string;
  readonly Labels?: Readonly<Record<string, string>>;
  readonly StopSignal?: string;
  readonly ArgsEscaped?: boolean;
  readonly Healthcheck?: Healthcheck;
  readonly OnBuild?: readonly string[];
  readonly Shell?: readonly string[];
}

/** One line of an image's history. */
export interface HistoryEntry {
  readonly created?: string;
  readonly created_by?: string;
  readonly author?: string;
  readonly comment?: string;
  readonly empty_layer?: boolean;
}

/** A whole image config. */
export interface ImageConfig {
  readonly created?: string;
  readonly author?: string;
  readonly architecture: string;
  readonly os: string;
  readonly variant?: string;
  readonly "os.version"?: string;
  readonly "os.features"?: readonly string[];
  readonly config: ContainerConfig;
  readonly rootfs: { readonly type: "layers"; readonly diff_ids: readonly Digest[] };
  readonly history: readonly HistoryEntry[];
}

const CONTAINER_SHAPE: Shape = {
  User: "open",
  ExposedPorts: "map",
  Env: "open",
  Entrypoint: "open",
  Cmd: "open",
  Volumes: "map",
  WorkingDir: "open",
  Labels: "map",
  StopSignal: "open",
  ArgsEscaped: "open",
  Healthcheck: { Test: "open", Interval: {}, Timeout: {}, StartPeriod: {}, StartInterval: {}, Retries: {} },
  OnBuild: "open",
  Shell: "open",
};

const CONFIG_SHAPE: Shape = {
  created: "open",
  author: "open",
  architecture: "open",
  variant: "open",
  os: "open",
  "os.version": "open",
  "os.features": "open",
  config: CONTAINER_SHAPE,
  rootfs: { type: "open", diff_ids: "open" },
  history: { created: "open", created_by: "open", author: "open", comment: "open", empty_layer: "open" },
};

/**
 * Parses an image config. Fields that neither spec knows are dropped.
 *
 * @throws {KilnError} kind `integrity`, if a known field has the wrong type, or readers could disagree about one
 *   (`parseStrictJson`).
 */
export function parseImageConfig(bytes: Uint8Array, what: string): ImageConfig {
  const fields = asObject(parseStrictJson(bytes, { what, shape: CONFIG_SHAPE }), what);
  const rootfs = asObject(fields["rootfs"] ?? {}, `the rootfs of ${what}`);
  const features = optionalStrings(fields, "os.features", what);
  const inner = fields["config"];
  return {
    ...strings(fields, ["created", "author", "variant", "os.version"], what),
    architecture: requiredString(fields, "architecture", what),
    os: requiredString(fields, "os", what),
    ...(features === undefined ? {} : { "os.features": features }),
    config: inner === undefined || inner === null ? {} : parseContainerConfig(inner, `the config object of ${what}`),
    rootfs: {
      type: "layers",
      diff_ids: asArray(rootfs["diff_ids"], `the diff_ids of ${what}`).map(parseDigest),
    },
    history: asArray(fields["history"], `the history of ${what}`).map((entry, at) =>
      parseHistoryEntry(entry, `history entry ${at} of ${what}`)
    ),
  };
}

/** Returns the compact JSON of a config, in a fixed order of fields and names, without empty ones: Go's, as everybody's. */
export function formatImageConfig(config: ImageConfig): Uint8Array<ArrayBuffer> {
  const { Volumes, ExposedPorts, Labels, ...rest } = config.config;
  const inner = {
    ...rest,
    ...(Labels === undefined ? {} : { Labels: Object.fromEntries(Object.entries(Labels).sort(byName)) }),
    ...(ExposedPorts === undefined ? {} : { ExposedPorts: setOf(ExposedPorts) }),
    ...(Volumes === undefined ? {} : { Volumes: setOf(Volumes) }),
  };
  const document: Record<string, unknown> = {
    created: config.created,
    author: config.author,
    architecture: config.architecture,
    variant: config.variant,
    os: config.os,
    "os.version": config["os.version"],
    "os.features": config["os.features"],
    config: inOrder(inner, CONTAINER_FIELDS),
    rootfs: { type: "layers", diff_ids: config.rootfs.diff_ids },
    history: config.history.map((entry) => inOrder(entry, HISTORY_FIELDS)),
  };
  return new TextEncoder().encode(JSON.stringify(document));
}

const CONTAINER_FIELDS: readonly (keyof ContainerConfig)[] = [
  "User",
  "ExposedPorts",
  "Env",
  "Entrypoint",
  "Cmd",
  "Volumes",
  "WorkingDir",
  "Labels",
  "StopSignal",
  "ArgsEscaped",
  "Healthcheck",
  "OnBuild",
  "Shell",
];

const HISTORY_FIELDS: readonly (keyof HistoryEntry)[] = ["created", "created_by", "author", "comment", "empty_layer"];

/** Copies the fields that hold something, in the given order. */
function inOrder(record: object, names: readonly string[]): Record<string, unknown> {
  const copy: Record<string, unknown> = {};
  for (const name of names) {
    const value = (record as Record<string, unknown>)[name];
    if (value === undefined || value === "" || value === false) continue;
    if (typeof value === "object" && value !== null && Object.keys(value).length === 0) continue;
    copy[name] = value;
  }
  return copy;
}

function byName([one]: readonly [string, string], [other]: readonly [string, string]): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

function setOf(names: readonly string[]): Record<string, Record<never, never>> {
  return Object.fromEntries([...names].sort().map((name) => [name, {}]));
}

/** What commands are run with; the kernel's strings end at a NUL (S34). */
const FOR_THE_KERNEL = ["Env", "User", "WorkingDir", "Shell", "Entrypoint", "Cmd"] as const;

function parseContainerConfig(value: unknown, what: string): ContainerConfig {
  const fields = asObject(value, what);
  for (const name of FOR_THE_KERNEL) {
    const text = [fields[name]].flat();
    if (text.some((part) => typeof part === "string" && part.includes("\0"))) {
      throw new KilnError("integrity", `Cannot read ${what}: "${name}" has a NUL character`);
    }
  }
  const lists: Record<string, readonly string[]> = {};
  for (const name of ["Env", "Entrypoint", "Cmd", "OnBuild", "Shell"]) {
    const list = optionalStrings(fields, name, what);
    if (list !== undefined) lists[name] = list;
  }
  for (const name of ["ExposedPorts", "Volumes"]) {
    const names = optionalSet(fields, name, what);
    if (names !== undefined) lists[name] = names;
  }
  const labels = optionalRecord(fields, "Labels", what);
  const escaped = optionalBoolean(fields, "ArgsEscaped", what);
  const check = fields["Healthcheck"];
  return {
    ...strings(fields, ["User", "WorkingDir", "StopSignal"], what),
    ...lists,
    ...(labels === undefined ? {} : { Labels: labels }),
    ...(escaped === undefined ? {} : { ArgsEscaped: escaped }),
    ...(check === undefined || check === null
      ? {}
      : { Healthcheck: parseHealthcheck(asObject(check, `the Healthcheck of ${what}`), what) }),
  };
}

function parseHealthcheck(fields: Fields, what: string): Healthcheck {
  const numbers: Record<string, number> = {};
  for (const name of ["Interval", "Timeout", "StartPeriod", "StartInterval", "Retries"]) {
    const value = optionalInteger(fields, name, `the Healthcheck of ${what}`);
    if (value !== undefined && value !== 0) numbers[name] = value;
  }
  const test = optionalStrings(fields, "Test", `the Healthcheck of ${what}`);
  return { ...(test === undefined ? {} : { Test: test }), ...numbers };
}

function parseHistoryEntry(value: unknown, what: string): HistoryEntry {
  const fields = asObject(value ?? {}, what);
  const empty = optionalBoolean(fields, "empty_layer", what);
  return {
    ...strings(fields, ["created", "created_by", "author", "comment"], what),
    ...(empty === true ? { empty_layer: true } : {}),
  };
}

/** Returns the named string fields that are present and not empty. */
function strings(fields: Fields, names: readonly string[], what: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of names) {
    const value = optionalString(fields, name, what);
    if (value !== undefined && value !== "") found[name] = value;
  }
  return found;
}

/** Throws if the config's diff IDs do not pair up with the layers of its manifest. */
export function checkLayerCount(config: ImageConfig, layers: number, what: string): void {
  const ids = config.rootfs.diff_ids.length;
  if (ids === layers) return;
  throw new KilnError("integrity", `Cannot use ${what}: its manifest has ${layers} layers, its config ${ids} diff IDs`);
}
