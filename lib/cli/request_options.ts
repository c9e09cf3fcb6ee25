/**
 * What to build, as the flags say it: context, Dockerfile, arguments and the properties of the image.
 *
 * @module
 */
import { normalize, resolve } from "node:path/posix";
import type { ContextLocation } from "../contexts/context_location.ts";
import type { GitSourceOptions } from "../contexts/git.ts";
import type { ContextLimits } from "../contexts/context_source.ts";
import { parseBoolean } from "../dockerfile/values/boolean.ts";
import { KilnError } from "../errors.ts";
import { bytePathOf } from "../io/byte_path.ts";
import type { Digest } from "../oci/digest.ts";
import type { Compression, Family } from "../oci/media_type.ts";
import { hostPlatform, parsePlatform, type Platform } from "../oci/platform.ts";
import { compilePathPattern } from "../tree/match_path.ts";
import { type BuildContextSpec, parseBuildContexts } from "./build_context_flag.ts";
import { parseContextOptions } from "./context_options.ts";
import { type DockerfileLocation, parseDockerfileFlag } from "./dockerfile_location.ts";
import type { BuildFlags } from "./flags.ts";
import type { ImageWishes } from "./output_wishes.ts";
import type { Notice } from "./parse.ts";
import { parseSecretFlags, type SecretSpec } from "./secret_flag.ts";
import { parseSshFlags, type SshSpec } from "./ssh_flag.ts";

/** What to build. */
export interface RequestOptions {
  readonly context: ContextLocation;
  readonly contextLimits: ContextLimits;
  /** The digest the context's archive must have. */
  readonly contextChecksum?: Digest;
  /** A directory within the context that takes its place; relative, never leading out. */
  readonly contextSubPath?: string;
  /** Whether the `.dockerignore` of a context that is fetched counts. */
  readonly contextDockerignore: boolean;
  /** `--build-context` by normal name. */
  readonly buildContexts: ReadonlyMap<string, BuildContextSpec>;
  /** What is wanted of a git context besides what its location says. */
  readonly git: GitSourceOptions;
  readonly dockerfile: DockerfileLocation;
  /** Names or indexes of stages; the first one becomes the image. Empty: the last stage. */
  readonly targets: readonly string[];
  readonly platform: Platform;
  /** Whether the platform was asked for; else the base image says what the result is. */
  readonly platformGiven: boolean;
  /** `SOURCE_DATE_EPOCH` of the environment is one of them, as with buildx. */
  readonly buildArgs: ReadonlyMap<string, string>;
  readonly secrets: readonly SecretSpec[];
  readonly ssh: readonly SshSpec[];
  /** What Dockerfiles are allowed, see `checkEntitlements`. */
  readonly entitlements: ReadonlySet<string>;
  /** Directories of device specifications, absolute; what is in a later one goes before. */
  readonly deviceDirectories: readonly string[];
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
  /** Whether times are clamped to 1970 when neither the arguments nor the Dockerfile have a `SOURCE_DATE_EPOCH`. */
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
  wishes: ImageWishes,
  world: RequestWorld,
  notices: Notice[],
): RequestOptions {
  const buildArgs = parseBuildArgs(flags["build-arg"], world, notices);
  const contextSubPath = parseSubPath(flags["context-sub-path"]);
  const { format } = wishes;
  const { context, ...contextOptions } = parseContextOptions(flags, world, notices);
  return {
    context,
    ...contextOptions,
    ...(contextSubPath === undefined ? {} : { contextSubPath }),
    contextDockerignore: flags["context-dockerignore"],
    buildContexts: parseBuildContexts(flags["build-context"], world),
    git: parseGitArguments(buildArgs),
    dockerfile: parseDockerfileFlag(flags.dockerfile, context),
    targets: flags.target.filter((target) => target !== ""),
    platform: parseBuildPlatform(flags["custom-platform"]),
    platformGiven: flags["custom-platform"] !== undefined,
    buildArgs,
    secrets: parseSecretFlags(flags.secret, world),
    ssh: parseSshFlags(flags.ssh, world),
    entitlements: parseEntitlements(flags.allow),
    deviceDirectories: parseDeviceDirectories(flags["cdi-spec-dir"], world),
    image: {
      labels: parseLabels(flags.label),
      annotations: wishes.annotations,
      ...(format === undefined ? {} : { format }),
      compression: parseCompression(wishes),
      singleSnapshot: flags["single-snapshot"],
      ignorePaths: flags["ignore-path"].map(parseIgnorePath),
      reproducible: flags.reproducible,
    },
  };
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

/** As in BuildKit: a build that sets a time wants the times of a repository to be those of its commit. */
function parseGitArguments(args: ReadonlyMap<string, string>): GitSourceOptions {
  const commitTime = (args.get("SOURCE_DATE_EPOCH") ?? "") !== "";
  const keep = args.get("BUILDKIT_CONTEXT_KEEP_GIT_DIR") ?? "";
  if (keep === "") return { commitTime };
  const keepGitDirectory = parseBoolean(keep);
  if (keepGitDirectory !== undefined) return { commitTime, keepGitDirectory };
  throw usage(`Cannot use --build-arg BUILDKIT_CONTEXT_KEEP_GIT_DIR="${keep}": it is neither true nor false`);
}

/** Those of the CDI specification, and BuildKit's. */
const DEVICE_DIRECTORIES = ["/etc/cdi", "/var/run/cdi", "/etc/buildkit/cdi"];

function parseDeviceDirectories(texts: readonly string[], { cwd }: RequestWorld): readonly string[] {
  if (texts.includes("")) throw usage("Cannot use --cdi-spec-dir: it is empty");
  return texts.length === 0 ? DEVICE_DIRECTORIES : texts.map((text) => resolve(cwd, text));
}

const ENTITLEMENTS = ["network.host", "security.insecure", "device"];

function parseEntitlements(texts: readonly string[]): ReadonlySet<string> {
  const unknown = texts.find((text) => !ENTITLEMENTS.includes(text) && !/^device=./.test(text));
  if (unknown === undefined) return new Set(texts);
  throw usage(`Cannot use --allow "${unknown}": there is nothing of that name to allow`, {
    hint: `one of ${ENTITLEMENTS.join(", ")} and device=NAME`,
  });
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

function parseCompression({ format, compression: algorithm = "gzip", level }: ImageWishes): LayerCompression {
  if (algorithm === "zstd" && format === "docker") {
    throw usage("Cannot combine --image-format=docker with --compression=zstd: the docker format has no zstd layers", {
      hint: "use --image-format=oci",
    });
  }
  if (level === undefined) return { algorithm };
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
  for (const component of path.split("/")) {
    try {
      compilePathPattern(bytePathOf(component));
    } catch (error) {
      if (!(error instanceof KilnError)) throw error;
      const { message, hint } = error.within(`use --ignore-path "${text}"`);
      throw usage(message, hint === undefined ? {} : { hint });
    }
  }
  return path;
}

function usage(message: string, options: { readonly hint?: string } = {}): KilnError {
  return new KilnError("usage", message, options);
}
