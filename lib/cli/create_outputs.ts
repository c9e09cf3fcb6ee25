/**
 * The outputs of a build: made of the options before it, written after it.
 *
 * @module
 */
import type { Background } from "../async/background.ts";
import type { BuiltImage } from "../build/build.ts";
import type { Image } from "../image/image.ts";
import type { Family } from "../oci/media_type.ts";
import { formatPlatform, type Platform } from "../oci/platform.ts";
import { formatReference, formatRepository } from "../oci/reference.ts";
import type { ArchivePlace } from "../outputs/archive_place.ts";
import { digestFile, nameDigestFile, nameTagDigestFile } from "../outputs/digest_file.ts";
import { dockerArchive } from "../outputs/docker_archive.ts";
import { localOutput } from "../outputs/local.ts";
import { ociArchive } from "../outputs/oci_archive.ts";
import { ociLayout } from "../outputs/oci_layout.ts";
import type { Output, TreeOutput } from "../outputs/output.ts";
import { registryOutputs } from "../outputs/registry.ts";
import { tarOutput } from "../outputs/tar.ts";
import type { Registry } from "../registry/registry.ts";
import type { Report } from "../report/report.ts";
import type { Host } from "./host.ts";
import type { ArchiveDestination } from "./output_flag.ts";
import { allExports, type Export, type OutputOptions } from "./output_options.ts";

/** An output of the image, and the media types it must have there; absent: those of the image as it is built. */
interface ImageOutput {
  readonly output: Output;
  readonly family?: Family;
}

/** Outputs in the order they are written. */
export interface Outputs {
  readonly all: readonly Pick<Output, "prepare">[];
  /** Those that take layers while the build goes on. */
  readonly early: readonly Output[];
  /** Registries are last: what is pushed is complete everywhere else. */
  readonly images: readonly ImageOutput[];
  /** Take the files of the image. */
  readonly trees: readonly TreeOutput[];
  /** Names the image is known by afterwards. */
  readonly pushed: readonly string[];
  /** Whether an image is made at all, or only its files are wanted. */
  readonly wantsImage: boolean;
  /** Whether stdout takes an archive. */
  readonly stdoutIsTaken: boolean;
}

/** What outputs are made with. */
export interface OutputDeps {
  readonly registry: Registry;
  readonly report: Report;
  readonly signal: AbortSignal;
  readonly stdout: Host["stdout"];
  /** What is built. */
  readonly platform: Platform;
}

/** Makes the outputs. */
export function createOutputs(options: OutputOptions, deps: OutputDeps): Outputs {
  const { untagged } = options;
  const references = options.destinations.map(({ reference }) => reference);
  const destinations = options.push ? references : [];
  const registries = registryOutputs({ ...deps, destinations, untagged, checkPush: options.checkPush });
  const layouts = options.ociLayoutPath === undefined ? [] : [ociLayout(options.ociLayoutPath, references[0]?.tag)];
  const exports = allExports(options);
  const files = [
    ...(options.digestFile === undefined ? [] : [digestFile(options.digestFile)]),
    ...(options.imageNameDigestFile === undefined ? [] : [nameDigestFile(options.imageNameDigestFile, references)]),
    ...(options.imageNameTagDigestFile === undefined
      ? []
      : [nameTagDigestFile(options.imageNameTagDigestFile, references)]),
  ];
  const images: readonly ImageOutput[] = [
    ...exports.flatMap((spec) => imageExport(spec, options, deps) ?? []),
    ...[...files, ...layouts, ...registries].map((output) => ({ output })),
  ];
  const trees = exports.flatMap((spec) => treeExport(spec, deps) ?? []);
  return {
    all: [...images.map(({ output }) => output), ...trees],
    early: images.map(({ output }) => output).filter((output) => output.stage !== undefined),
    images,
    trees,
    pushed: [...destinations.map(formatReference), ...untagged.map(formatRepository)],
    wantsImage: images.length > 0 || trees.length === 0,
    stdoutIsTaken: exports.some((spec) => "to" in spec && spec.to.kind === "stdout"),
  };
}

function imageExport(spec: Export, { destinations }: OutputOptions, { stdout }: OutputDeps): ImageOutput | undefined {
  if (spec.type === "local" || spec.type === "tar") return undefined;
  const names = spec.names.length > 0 ? spec.names : destinations;
  const references = names.map(({ reference }) => reference);
  if (spec.type === "layout") return { output: ociLayout(spec.path, references[0]?.tag), family: "oci" };
  const place = placeOf(spec.to, stdout);
  if (spec.type === "oci") return { output: ociArchive({ place, names: references }), family: "oci" };
  return { output: dockerArchive({ place, names: names.map(({ written }) => written) }), family: "docker" };
}

function treeExport(spec: Export, { stdout, platform }: OutputDeps): TreeOutput | undefined {
  if (spec.type === "tar") return tarOutput(placeOf(spec.to, stdout));
  if (spec.type !== "local") return undefined;
  const { path, mirror, split } = spec;
  const platformDirectory = formatPlatform(platform).replaceAll("/", "_");
  return localOutput({ path, mirror, ...(split ? { platformDirectory } : {}) });
}

function placeOf(to: ArchiveDestination, stdout: Host["stdout"]): ArchivePlace {
  return to.kind === "file" ? to : { kind: "stdout", stream: stdout };
}

/** What the outputs are written with. */
export interface Writing {
  /** What the build has begun; it has ended before anything is shown. */
  readonly background: Background;
  readonly family: Family;
  readonly report: Report;
  readonly host: Host;
}

/** Writes everything, and says the names of the image on stdout, one a line. */
export async function writeOutputs(
  outputs: Outputs,
  built: BuiltImage,
  { background, family, report, host }: Writing,
): Promise<void> {
  if (!outputs.wantsImage || outputs.trees.length > 0) await background.join();
  if (outputs.trees.length > 0) await writeTrees(outputs.trees, built, report);
  if (!outputs.wantsImage) return;
  const assembled = new Map<Family, Image>();
  const imageIn = (wanted: Family): Image => {
    const known = assembled.get(wanted) ?? built.assemble(wanted);
    assembled.set(wanted, known);
    return known;
  };
  const image = imageIn(family);
  const work = outputs.images.map(({ output, family: own = family }) => ({ output, image: imageIn(own) }));
  // The last layers may still be on their way: the config goes beside them. A failure of theirs is told first, as the
  // others are echoes of it.
  const staged = await Promise.allSettled([
    background.join(),
    ...work.map(({ output, image }) => output.stageImage?.(image)),
  ]);
  for (const outcome of staged) if (outcome.status === "rejected") throw outcome.reason;
  for (const { output, image } of work) {
    await output.write(image);
    report.message("info", `Wrote ${output.name}`);
  }
  if (outputs.stdoutIsTaken) return;
  const { digest } = image.descriptor;
  const names = outputs.pushed.length === 0 ? [digest] : outputs.pushed.map((name) => `${name}@${digest}`);
  host.stdout.write(new TextEncoder().encode(names.map((name) => `${name}\n`).join("")));
}

async function writeTrees(trees: readonly TreeOutput[], built: BuiltImage, report: Report): Promise<void> {
  const exporter = await built.files();
  for (const output of trees) {
    const { entries, devices } = await output.write(exporter);
    report.message("info", `Wrote ${output.name}: ${entries} files and directories`);
    if (devices > 0) report.message("warn", `${devices} devices of the image are not in ${output.name}`);
  }
}

/** Takes away what outputs hold of an image that has failed. It is not the first error: nobody is told but the log. */
export async function abandonOutputs(outputs: Outputs, report: Report): Promise<void> {
  for (const output of outputs.early) {
    try {
      await output.abandon?.();
    } catch (error) {
      const why = error instanceof Error ? error.message : error;
      report.message("warn", `Cannot take the layers of this build out of ${output.name}: ${why}`);
    }
  }
}
