/**
 * The outputs of a build: made of the options before it, written after it.
 *
 * @module
 */
import type { BuiltImage } from "../build/build.ts";
import type { Family } from "../oci/media_type.ts";
import { formatReference } from "../oci/reference.ts";
import { digestFile, nameDigestFile, nameTagDigestFile } from "../outputs/digest_file.ts";
import { dockerArchive } from "../outputs/docker_archive.ts";
import { ociLayout } from "../outputs/oci_layout.ts";
import type { Output } from "../outputs/output.ts";
import { registryOutputs } from "../outputs/registry.ts";
import type { Registry } from "../registry/registry.ts";
import type { Report } from "../report/report.ts";
import type { Host } from "./host.ts";
import type { OutputOptions } from "./output_options.ts";

/** Outputs in the order they are written. */
export interface Outputs {
  readonly all: readonly Output[];
  /** Those that take layers while the build goes on. */
  readonly early: readonly Output[];
  /** Take the image as it is built. Registries are last: what is pushed is complete everywhere else. */
  readonly plain: readonly Output[];
  /** Take it with Docker's media types only. */
  readonly docker: readonly Output[];
  /** Names the image is known by afterwards. */
  readonly pushed: readonly string[];
}

/** Makes the outputs. */
export function createOutputs(
  options: OutputOptions,
  deps: { readonly registry: Registry; readonly report: Report; readonly signal: AbortSignal },
): Outputs {
  const references = options.destinations.map(({ reference }) => reference);
  const registries = options.push
    ? registryOutputs({ ...deps, destinations: references, checkPush: options.checkPush })
    : [];
  const layouts = options.ociLayoutPath === undefined ? [] : [ociLayout(options.ociLayoutPath, references[0]?.tag)];
  const archives = options.tarPath === undefined
    ? []
    : [dockerArchive({ path: options.tarPath, names: options.destinations.map(({ written }) => written) })];
  const files = [
    ...(options.digestFile === undefined ? [] : [digestFile(options.digestFile)]),
    ...(options.imageNameDigestFile === undefined ? [] : [nameDigestFile(options.imageNameDigestFile, references)]),
    ...(options.imageNameTagDigestFile === undefined
      ? []
      : [nameTagDigestFile(options.imageNameTagDigestFile, references)]),
  ];
  const plain = [...files, ...layouts, ...registries];
  return {
    all: [...plain, ...archives],
    early: [...layouts, ...registries].filter((output) => output.stage !== undefined),
    plain,
    docker: archives,
    pushed: options.push ? references.map(formatReference) : [],
  };
}

/** Writes the image to all outputs and says its names on stdout, one a line. */
export async function writeOutputs(
  outputs: Outputs,
  built: BuiltImage,
  { family, report, host }: { readonly family: Family; readonly report: Report; readonly host: Host },
): Promise<void> {
  const image = built.assemble(family);
  const dockerImage = outputs.docker.length === 0 || family === "docker" ? image : built.assemble("docker");
  const work = [
    ...outputs.docker.map((output) => ({ output, image: dockerImage })),
    ...outputs.plain.map((output) => ({ output, image })),
  ];
  const staged = await Promise.allSettled(work.map(({ output, image }) => output.stageImage?.(image)));
  for (const outcome of staged) if (outcome.status === "rejected") throw outcome.reason;
  for (const { output, image } of work) {
    await output.write(image);
    report.message("info", `Wrote ${output.name}`);
  }
  const { digest } = image.descriptor;
  const names = outputs.pushed.length === 0 ? [digest] : outputs.pushed.map((name) => `${name}@${digest}`);
  host.stdout.write(new TextEncoder().encode(names.map((name) => `${name}\n`).join("")));
}
