/**
 * The flags of the build context: where it is, what it must be, and how large it may get.
 *
 * @module
 */
import type { ContextLocation, GitOptions } from "../contexts/context_location.ts";
import type { ContextLimits } from "../contexts/context_source.ts";
import { parseContext } from "../contexts/parse_context.ts";
import { parseBoolean } from "../dockerfile/values/boolean.ts";
import { parseSize } from "../dockerfile/values/size.ts";
import { KilnError } from "../errors.ts";
import { DEFAULT_EXPANSION_LIMITS } from "../io/expansion_limit.ts";
import { type Digest, isDigest } from "../oci/digest.ts";
import type { BuildFlags } from "./flags.ts";
import { parseGoInteger } from "./go_values.ts";
import type { Notice } from "./parse.ts";

/** What the flags say. */
export interface ContextOptions {
  readonly context: ContextLocation;
  readonly contextLimits: ContextLimits;
  readonly contextChecksum?: Digest;
}

/** What parsing reads of the world. */
export interface ContextWorld {
  env(name: string): string | undefined;
  readonly cwd: string;
}

/** Makes the record. @throws {KilnError} kind `usage`, naming the flag */
export function parseContextOptions(flags: BuildFlags, world: ContextWorld, notices: Notice[]): ContextOptions {
  const context = parseContext(contextText(flags, notices), {
    cwd: world.cwd,
    git: parseGitOptions(flags.git),
    gitPullMethod: world.env("GIT_PULL_METHOD") ?? "",
  });
  if (flags.git.length > 0 && context.kind !== "git") {
    notices.push({ level: "warn", text: "--git has no effect: the build context is no git repository" });
  }
  const contextChecksum = parseChecksum(flags["context-checksum"], context);
  return {
    context,
    contextLimits: parseLimits(flags),
    ...(contextChecksum === undefined ? {} : { contextChecksum }),
  };
}

/** kaniko's first way: `--bucket` counts where `--context` is empty, and is one of Google's without a scheme. */
function contextText(flags: BuildFlags, notices: Notice[]): string {
  const { bucket } = flags;
  if (bucket === undefined) return flags.context;
  if (flags.context !== "") {
    notices.push({ level: "warn", text: "--bucket has no effect: --context says where the build context is" });
    return flags.context;
  }
  return bucket.includes("://") ? bucket : `gs://${bucket}`;
}

/** One pair per occurrence, as in kaniko; but what kaniko would pass over is an error. */
function parseGitOptions(pairs: readonly string[]): GitOptions {
  const options: { -readonly [K in keyof GitOptions]: GitOptions[K] } = {
    singleBranch: false,
    depth: 0,
    recurseSubmodules: false,
    insecureSkipTls: false,
  };
  for (const pair of pairs) {
    const equals = pair.indexOf("=");
    if (equals < 0) throw usage(`Cannot use --git "${pair}": it has no "="`);
    const [key, value] = [pair.slice(0, equals), pair.slice(equals + 1)];
    switch (key) {
      case "branch":
        if (value === "") delete options.branch;
        else options.branch = value;
        break;
      case "single-branch":
        options.singleBranch = booleanOf(pair, value);
        break;
      case "depth":
        options.depth = depthOf(pair, value);
        break;
      case "recurse-submodules":
        options.recurseSubmodules = booleanOf(pair, value);
        break;
      case "insecure-skip-tls":
        options.insecureSkipTls = booleanOf(pair, value);
        break;
      case "ssh-key":
        options.sshKey = value;
        break;
      case "ssh-known-hosts":
        options.sshKnownHosts = value;
        break;
      default:
        throw usage(
          `Cannot use --git "${pair}": there is no such option`,
          "one of branch, single-branch, depth, recurse-submodules, insecure-skip-tls, ssh-key and ssh-known-hosts, " +
            "each in a --git of its own",
        );
    }
  }
  return options;
}

function booleanOf(pair: string, text: string): boolean {
  const value = parseBoolean(text);
  if (value === undefined) throw usage(`Cannot use --git "${pair}": it is neither true nor false`);
  return value;
}

function depthOf(pair: string, text: string): number {
  const value = parseGoInteger(text);
  if (value === undefined || value < 0) throw usage(`Cannot use --git "${pair}": it is not a number of commits`);
  return value;
}

/** Contexts of one archive, whose bytes have a digest. */
const OF_ONE_ARCHIVE: readonly ContextLocation["kind"][] = ["archive", "stdin", "http", "s3", "gcs", "azure"];

function parseChecksum(text: string | undefined, context: ContextLocation): Digest | undefined {
  if (text === undefined) return undefined;
  if (!isDigest(text)) {
    throw usage(`Cannot use --context-checksum "${text}": it is not "sha256:" and 64 lower-case hex digits`);
  }
  if (OF_ONE_ARCHIVE.includes(context.kind)) return text;
  throw usage("Cannot use --context-checksum: the build context is not an archive", "it is for archives");
}

function parseLimits(flags: BuildFlags): ContextLimits {
  const maxRatio = flags["expansion-ratio-limit"];
  if (maxRatio < 0) throw usage("Cannot use --expansion-ratio-limit: it is negative");
  return {
    maxBytes: sizeOf("context-size-limit", flags),
    expansion: {
      ...DEFAULT_EXPANSION_LIMITS,
      maxBytes: sizeOf("expanded-size-limit", flags),
      maxRatio: maxRatio === 0 ? Infinity : maxRatio,
    },
  };
}

function sizeOf(name: "context-size-limit" | "expanded-size-limit", flags: BuildFlags): number {
  const text = flags[name];
  const bytes = parseSize(text);
  if (bytes !== undefined) return bytes === 0 ? Infinity : bytes;
  throw usage(`Cannot use --${name} "${text}": it is not a size`, 'write it as "500m", "64g" or "1t"; 0 is no limit');
}

function usage(message: string, hint?: string): KilnError {
  return new KilnError("usage", message, hint === undefined ? {} : { hint });
}
