/**
 * Choosing the family of media types and the compression of an image (decisions 4).
 *
 * The family follows the base image, is OCI above scratch, and Docker's when a docker archive is all that is written.
 * zstd layers exist in the OCI family only: asked for above a Docker base, the image becomes an OCI one.
 *
 * @module
 */
import { imageStagesOf } from "../build/image_stages.ts";
import type { BuildPlan } from "../build/plan.ts";
import type { Family } from "../oci/media_type.ts";
import type { Report } from "../report/report.ts";
import { allExports, type OutputOptions } from "./output_options.ts";
import type { ImageOptions, LayerCompression } from "./request_options.ts";

/** How the image is written. */
export interface ImageFormat {
  readonly family: Family;
  readonly compression: LayerCompression;
}

/** Chooses. */
export function chooseFormat(
  plan: BuildPlan,
  options: ImageOptions,
  outputs: OutputOptions,
  report: Report,
): ImageFormat {
  const { format, compression } = options;
  if (format !== undefined) return { family: format, compression };
  if (onlyDockerArchives(outputs)) return { family: "docker", compression };
  const [target] = plan.targets;
  const base = target === undefined ? undefined : imageStagesOf(plan, target).base;
  const family = base?.family ?? "oci";
  if (family === "oci" || compression.algorithm === "gzip") return { family, compression };
  report.message("info", "The image gets OCI media types: Docker's have no zstd layers");
  return { family: "oci", compression };
}

function onlyDockerArchives(outputs: OutputOptions): boolean {
  const { ociLayoutPath, push, untagged } = outputs;
  if (ociLayoutPath !== undefined || push || untagged.length > 0) return false;
  const images = allExports(outputs).filter(({ type }) => type !== "local" && type !== "tar");
  return images.length > 0 && images.every(({ type }) => type === "docker");
}
