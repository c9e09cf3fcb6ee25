/**
 * Reading a Dockerfile under its checks.
 *
 * @module
 */
import { readLines } from "../dockerfile/read_lines.ts";
import type { Directives } from "../dockerfile/directives.ts";
import { type Dockerfile, parseStages } from "../instructions/stages.ts";
import { checkOptionsOf } from "./check_options.ts";
import { Checks, type ChecksListener } from "./checks.ts";

/** How to read. */
export interface CheckedOptions extends ChecksListener {
  /** Check options that replace those of the file (`BUILDKIT_DOCKERFILE_CHECK`). */
  readonly check?: string;
}

/** A Dockerfile, and the checks that go on with it. */
export interface CheckedDockerfile {
  readonly dockerfile: Dockerfile;
  readonly directives: Directives;
  readonly checks: Checks;
}

/**
 * Reads a Dockerfile; what the checks find is told also when a later line is an error.
 *
 * @throws {KilnError} kind `dockerfile`, with the position of the instruction at fault.
 */
export function readChecked(bytes: Uint8Array | string, file: string, options: CheckedOptions): CheckedDockerfile {
  const lines = readLines(bytes, file);
  const checks = new Checks(checkOptionsOf(lines.directives, options.check), options);
  checks.blankLines(lines.blankLines);
  return { dockerfile: parseStages(lines, file, (node) => checks.node(node)), directives: lines.directives, checks };
}
