/**
 * Checks a Dockerfile as `executor check` does, without a file system: base images stand on a shelf in memory.
 *
 * @module
 */
import { checkContext, type DockerfileRequest, planDockerfile } from "../../lib/build/plan_dockerfile.ts";
import type { Warning } from "../../lib/dockerfile/warning.ts";
import { KilnError } from "../../lib/errors.ts";
import { bytePathOf } from "../../lib/io/byte_path.ts";
import type { ContainerConfig } from "../../lib/oci/config.ts";
import { type Platform } from "../../lib/oci/platform.ts";
import { shelve } from "./image_shelf.ts";

/** What is checked besides the text. */
export interface CheckInputs {
  readonly args?: Readonly<Record<string, string>>;
  /** `.dockerignore`. */
  readonly ignore?: string;
  /** Base images by the last part of their name. */
  readonly images?: Readonly<Record<string, ContainerConfig>>;
  readonly targets?: DockerfileRequest["targets"];
  readonly platform?: Platform;
  /** Whether no registry can be reached. */
  readonly offline?: true;
}

/** What checking gave. */
export interface Checked {
  readonly warnings: readonly Warning[];
  readonly open: readonly Warning[];
  readonly error?: KilnError;
}

const AMD64: Platform = { os: "linux", architecture: "amd64" };

/** Checks a Dockerfile; warnings are sorted by line. */
export async function checkDockerfile(text: string, inputs: CheckInputs = {}): Promise<Checked> {
  const warnings: Warning[] = [];
  const open: Warning[] = [];
  const { puller } = shelve(inputs.images ?? {}, inputs.offline === undefined ? {} : { offline: true });
  const byLine = (list: Warning[]): Warning[] => list.sort((a, b) => a.range.startLine - b.range.startLine);
  try {
    const planned = await planDockerfile({
      bytes: new TextEncoder().encode(text),
      name: "Dockerfile",
      targets: inputs.targets ?? "all",
      platform: inputs.platform ?? AMD64,
      buildArgs: new Map(Object.entries(inputs.args ?? {})),
      tolerant: true,
      onWarning: (warning) => void warnings.push(warning),
      onOpen: (warning) => void open.push(warning),
    }, puller);
    if (inputs.ignore !== undefined) {
      checkContext(planned, { name: ".dockerignore", lines: inputs.ignore.split("\n").map(bytePathOf) });
    }
    return { warnings: byLine(warnings), open: byLine(open) };
  } catch (error) {
    if (!(error instanceof KilnError)) throw error;
    return { warnings: byLine(warnings), open: byLine(open), error };
  }
}
