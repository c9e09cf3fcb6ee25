/**
 * Where the image goes, as the flags say it.
 *
 * @module
 */
import { resolve } from "node:path/posix";
import { KilnError } from "../errors.ts";
import { parseReference, type Reference } from "../oci/reference.ts";
import type { BuildFlags } from "./flags.ts";
import {
  type ArchiveDestination,
  archiveDestination,
  type ImageName,
  type OutputSpec,
  type ParsedOutput,
} from "./output_flag.ts";
import { mergeWishes } from "./output_wishes.ts";
import { namesStream } from "./standard_streams.ts";

/** One `--destination`; archives carry the name as written. */
export type Destination = ImageName;

/** Where the image goes. All paths are absolute. */
export interface OutputOptions {
  /** Distinct; they name the image also when nothing is pushed. */
  readonly destinations: readonly Destination[];
  readonly push: boolean;
  /** Repositories the image is pushed to without a tag. */
  readonly untagged: readonly Reference[];
  /** What `--output` asks for besides. */
  readonly exports: readonly Export[];
  /** Whether to ask the registries before the build if it may push; never true without `push`. */
  readonly checkPush: boolean;
  readonly ociLayoutPath?: string;
  readonly tar?: ArchiveDestination;
  readonly digestFile?: string;
  /** Lines `registry/repository@digest`. */
  readonly imageNameDigestFile?: string;
  /** Lines `registry/repository:tag@digest`. */
  readonly imageNameTagDigestFile?: string;
}

/** What `--output` writes to this machine. */
export type Export = Exclude<OutputSpec, { readonly type: "image" | "cacheonly" }>;

/** Returns all of that: `--tar-path` asks for a docker archive like any other, and comes first. */
export function allExports({ tar, exports }: OutputOptions): readonly Export[] {
  return tar === undefined ? exports : [{ type: "docker", to: tar, names: [] }, ...exports];
}

/** What parsing reads of the world. */
export interface OutputWorld {
  readonly cwd: string;
}

/**
 * Makes the record of the outputs.
 *
 * @throws {KilnError} kind `usage`, naming the flags (kaniko.md 1.2.1).
 */
export function parseOutputOptions(
  flags: BuildFlags,
  outputs: readonly ParsedOutput[],
  world: OutputWorld,
): OutputOptions {
  const images = outputs.flatMap(({ spec }) => spec.type === "image" ? [spec] : []);
  const tagged = images.flatMap(({ byDigest, names }) => byDigest ? [] : names);
  const destinations = distinct([...parseDestinations(flags.destination), ...tagged]);
  const untagged = images.flatMap(({ byDigest, names }) => byDigest ? names.map(({ reference }) => reference) : []);
  const push = !flags["no-push"] && (outputs.length === 0 || destinations.length > 0);
  if (push && destinations.length === 0) {
    throw usage("Cannot build: no --destination says where to push the image", "use --no-push to push nothing");
  }
  if (flags["no-push"] && images.length > 0) throw usage("Cannot combine --no-push with an --output that pushes");
  const exports = outputs.flatMap(({ spec }): Export[] =>
    spec.type === "image" || spec.type === "cacheonly" ? [] : [spec]
  );
  checkArchive(flags, outputs);
  const paths = parsePaths(flags, world);
  const tarPath = paths.get("tar-path");
  const tar = tarPath === undefined ? undefined : archiveDestination(tarPath, world.cwd);
  checkPaths(exports, paths);
  for (const name of ["image-name-with-digest-file", "image-name-tag-with-digest-file"] as const) {
    if (paths.has(name) && destinations.length === 0) {
      throw usage(`Cannot write --${name}: no --destination names the image`);
    }
  }
  return {
    destinations,
    push,
    untagged,
    exports,
    checkPush: push && !flags["skip-push-permission-check"],
    ...optional("ociLayoutPath", paths.get("oci-layout-path")),
    ...(tar === undefined ? {} : { tar }),
    ...optional("digestFile", paths.get("digest-file")),
    ...optional("imageNameDigestFile", paths.get("image-name-with-digest-file")),
    ...optional("imageNameTagDigestFile", paths.get("image-name-tag-with-digest-file")),
  };
}

function parseDestinations(texts: readonly string[]): readonly Destination[] {
  const destinations = texts.map((written): Destination => {
    const reference = parseReference(written);
    if (reference.digest !== undefined) {
      throw usage(`Cannot push to "${written}": a destination has a tag, not a digest`);
    }
    return { reference, written };
  });
  return distinct(destinations);
}

function distinct(destinations: readonly Destination[]): readonly Destination[] {
  return [...new Map(destinations.map((destination) => [nameOf(destination.reference), destination])).values()];
}

function nameOf({ registry, repository, tag }: Reference): string {
  return `${registry}/${repository}:${tag}`;
}

/** A docker archive has no place for OCI manifests and no reader that expects zstd layers. */
function checkArchive(flags: BuildFlags, outputs: readonly ParsedOutput[]): void {
  const archive = flags["tar-path"] !== undefined
    ? "--tar-path"
    : outputs.some(({ spec }) => spec.type === "docker")
    ? "--output type=docker"
    : undefined;
  if (archive === undefined) return;
  const { format, compression } = mergeWishes(flags, outputs);
  for (
    const [flag, value, wanted] of [["image-format", "oci", format], ["compression", "zstd", compression]] as const
  ) {
    if (wanted === value) {
      throw usage(
        `Cannot combine ${archive} with --${flag}=${value}: the archive is one for docker load`,
        "use --oci-layout-path for such an image",
      );
    }
  }
}

function checkPaths(exports: readonly Export[], paths: ReadonlyMap<string, string>): void {
  const taken = new Map([...paths].map(([flag, path]) => [placeOf(path), `--${flag}`]));
  for (const spec of exports) {
    const place = "path" in spec ? `"${spec.path}"` : spec.to.kind === "stdout" ? STDOUT : `"${spec.to.path}"`;
    const other = taken.get(place);
    if (other !== undefined) throw usage(`Cannot use --output type=${spec.type} to ${place}: ${other} names it, too`);
    taken.set(place, `--output type=${spec.type}`);
  }
}

const STDOUT = "stdout";

/** What a path leads to, as messages call it: two outputs in one stream could not be told apart. */
function placeOf(path: string): string {
  return namesStream(path, "stdout") ? STDOUT : `"${path}"`;
}

const PATH_FLAGS = [
  "oci-layout-path",
  "tar-path",
  "digest-file",
  "image-name-with-digest-file",
  "image-name-tag-with-digest-file",
] as const;

function parsePaths(flags: BuildFlags, { cwd }: OutputWorld): ReadonlyMap<typeof PATH_FLAGS[number], string> {
  const paths = new Map<typeof PATH_FLAGS[number], string>();
  for (const name of PATH_FLAGS) {
    const text = flags[name];
    if (text === undefined) continue;
    // The URL itself may hold a token.
    if (/^https?:\/\//i.test(text)) throw usage(`Cannot use --${name} with a URL: Kiln supports only files yet`);
    const path = resolve(cwd, text);
    for (const [other, taken] of paths) {
      if (placeOf(taken) === placeOf(path)) {
        throw usage(`Cannot use --${name} "${text}": --${other} names the same file`);
      }
    }
    paths.set(name, path);
  }
  return paths;
}

function optional<N extends string>(name: N, value: string | undefined): { readonly [K in N]?: string } {
  // TypeScript widens a computed key to string.
  return (value === undefined ? {} : { [name]: value }) as { readonly [K in N]?: string };
}

function usage(message: string, hint?: string): KilnError {
  return new KilnError("usage", message, hint === undefined ? {} : { hint });
}
