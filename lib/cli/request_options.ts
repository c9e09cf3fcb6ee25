/**
 * What to build, as the flags say it: context, Dockerfile, arguments and the properties of the image.
 *
 * @module
 */
import { normalize, resolve } from "node:path/posix";
import { KilnError } from "../errors.ts";
import type { Compression, Family } from "../oci/media_type.ts";
import { hostPlatform, parsePlatform, type Platform } from "../oci/platform.ts";
import type { BuildFlags } from "./flags.ts";
import type { Notice } from "./parse.ts";
import { parseSecretFlags, type SecretSpec } from "./secret_flag.ts";
import { parseSourceDateEpoch } from "./source_date_epoch.ts";

/** Where the build context is. Further kinds of kaniko's contexts become further members. */
export type ContextLocation = {
  readonly kind: "directory";
  /** Absolute. */
  readonly path: string;
};

/** What to build. */
export interface RequestOptions {
  readonly context: ContextLocation;
  /** A directory within the context that takes its place; relative, never leading out. */
  readonly contextSubPath?: string;
  /** As given; see {@link dockerfileCandidates}. */
  readonly dockerfile: string;
  /** Names or indexes of stages; the first one becomes the image. Empty: the last stage. */
  readonly targets: readonly string[];
  readonly platform: Platform;
  /** Whether the platform was asked for; else the base image says what the result is. */
  readonly platformGiven: boolean;
  /** `SOURCE_DATE_EPOCH` of the environment is one of them, as with buildx. */
  readonly buildArgs: ReadonlyMap<string, string>;
  readonly secrets: readonly SecretSpec[];
  readonly image: ImageOptions;
}

/** What the image is to be like. */
export interface ImageOptions {
  /** Win over LABEL. */
  readonly labels: ReadonlyMap<string, string>;
  readonly annotations: ReadonlyMap<string, string>;
  /** Absent: that of the base image. */
  readonly format?: Family;
  readonly compression: LayerCompression;
  readonly singleSnapshot: boolean;
  /** Absolute and normal; components may hold the wildcards of Go's filepath.Match. Each stands for all below it. */
  readonly ignorePaths: readonly string[];
  /** Seconds since 1970 that times are clamped to, from the build argument or the environment. */
  readonly sourceDateEpoch?: number;
  /** Whether times are clamped to 1970 when neither this record nor the Dockerfile has a `SOURCE_DATE_EPOCH`. */
  readonly reproducible: boolean;
}

/** How new layers are compressed. */
export interface LayerCompression {
  readonly algorithm: Exclude<Compression, "none">;
  /** Absent: the default. */
  readonly level?: number;
}

/** What parsing reads of the world. */
export interface RequestWorld {
  env(name: string): string | undefined;
  readonly cwd: string;
}

/**
 * Makes the record of what to build.
 *
 * @throws {KilnError} kind `usage`, naming the flag.
 */
export function parseRequestOptions(
  flags: BuildFlags,
  world: RequestWorld,
  notices: Notice[],
): RequestOptions {
  const buildArgs = parseBuildArgs(flags["build-arg"], world, notices);
  const epoch = parseSourceDateEpoch(buildArgs.get("SOURCE_DATE_EPOCH") ?? "", "SOURCE_DATE_EPOCH");
  const contextSubPath = parseSubPath(flags["context-sub-path"]);
  const format = flags["image-format"];
  return {
    context: parseContext(flags.context, world),
    ...(contextSubPath === undefined ? {} : { contextSubPath }),
    dockerfile: parseDockerfile(flags.dockerfile),
    targets: flags.target.filter((target) => target !== ""),
    platform: parseBuildPlatform(flags["custom-platform"]),
    platformGiven: flags["custom-platform"] !== undefined,
    buildArgs,
    secrets: parseSecretFlags(flags.secret, world),
    image: {
      labels: parseLabels(flags.label),
      annotations: flags.annotation,
      ...(format === undefined ? {} : { format }),
      compression: parseCompression(flags),
      singleSnapshot: flags["single-snapshot"],
      ignorePaths: flags["ignore-path"].map(parseIgnorePath),
      ...(epoch === undefined ? {} : { sourceDateEpoch: epoch }),
      reproducible: flags.reproducible,
    },
  };
}

/** Returns where to look for the Dockerfile, in kaniko's order: from here, then from the context. Absolute paths. */
export function dockerfileCandidates(
  dockerfile: string,
  where: { readonly cwd: string; readonly contextRoot: string },
): readonly string[] {
  return [...new Set([resolve(where.cwd, dockerfile), resolve(where.contextRoot, dockerfile)])];
}

function parseContext(text: string, world: RequestWorld): ContextLocation {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1];
  if (scheme !== undefined && scheme !== "dir") {
    // The rest of the value may hold a token, so only the scheme is shown.
    throw usage(`Cannot use a --context with "${scheme}://": Kiln supports only directories yet`);
  }
  const path = scheme === undefined ? text : text.slice("dir://".length);
  if (path === "") throw usage(`Cannot use --context "${text}": it names no directory`);
  return { kind: "directory", path: resolve(world.cwd, path) };
}

function parseSubPath(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  // A leading slash means the root of the context, as where Go joins the two.
  const path = normalize(text.replace(/^\/+/, "")).replace(/\/$/, "");
  if (path === ".." || path.startsWith("../")) {
    throw usage(`Cannot use --context-sub-path "${text}": it leads out of the context`);
  }
  return path === "." || path === "" ? undefined : path;
}

function parseDockerfile(text: string): string {
  if (text === "") throw usage(`Cannot use --dockerfile "": it names no file`);
  if (!/^https?:\/\//i.test(text)) return text;
  throw usage("Cannot use a --dockerfile with a URL: Kiln supports only files yet");
}

function parseBuildPlatform(text: string | undefined): Platform {
  if (text === undefined) return hostPlatform();
  const platform = parsePlatform(text);
  if (platform.os === "linux") return platform;
  throw usage(`Cannot use --custom-platform "${text}": only linux images can be built`);
}

function parseBuildArgs(texts: readonly string[], world: RequestWorld, notices: Notice[]): ReadonlyMap<string, string> {
  const args = new Map<string, string>();
  const epoch = world.env("SOURCE_DATE_EPOCH") ?? "";
  if (epoch !== "") args.set("SOURCE_DATE_EPOCH", epoch);
  for (const text of texts) {
    const equals = text.indexOf("=");
    const name = equals < 0 ? text : text.slice(0, equals);
    if (name === "") throw usage(`Cannot use --build-arg "${text}": it has no name`);
    if (equals >= 0) {
      args.set(name, text.slice(equals + 1));
      continue;
    }
    const value = world.env(name);
    if (value === undefined) {
      notices.push({ level: "warn", text: `--build-arg ${name} is empty: the environment variable is not set` });
    }
    args.set(name, value ?? "");
  }
  return args;
}

function parseLabels(texts: readonly string[]): ReadonlyMap<string, string> {
  return new Map(texts.map((text) => {
    const equals = text.indexOf("=");
    if (equals < 0) throw usage(`Cannot use --label "${text}": it has no "="`);
    if (equals === 0) throw usage(`Cannot use --label "${text}": nothing stands before the "="`);
    return [text.slice(0, equals), text.slice(equals + 1)] as const;
  }));
}

const HIGHEST_LEVEL = { gzip: 9, zstd: 22 } as const;

function parseCompression(flags: BuildFlags): LayerCompression {
  const algorithm = flags.compression ?? "gzip";
  if (algorithm === "zstd" && flags["image-format"] === "docker") {
    throw usage("Cannot combine --image-format=docker with --compression=zstd: the docker format has no zstd layers", {
      hint: "use --image-format=oci",
    });
  }
  const level = flags["compression-level"];
  if (level === -1) return { algorithm };
  if (level >= 1 && level <= HIGHEST_LEVEL[algorithm]) return { algorithm, level };
  throw usage(
    `Cannot use --compression-level "${level}": ${algorithm} accepts 1 to ${
      HIGHEST_LEVEL[algorithm]
    }, or -1 for the default`,
  );
}

function parseIgnorePath(text: string): string {
  if (!text.startsWith("/")) {
    throw usage(`Cannot use --ignore-path "${text}": it is not an absolute path`, {
      hint: `it is a path in the image, such as "/${text.replace(/^(?:\.?\/)+/, "")}"`,
    });
  }
  const path = normalize(text).replace(/\/+$/, "");
  if (path === "") throw usage(`Cannot use --ignore-path "${text}": it would leave out everything`);
  return path;
}

function usage(message: string, options: { readonly hint?: string } = {}): KilnError {
  return new KilnError("usage", message, options);
}
