/**
 * `deno compile` of the bundle.
 *
 * @module
 */
import { join } from "node:path/posix";
import { runDeno } from "./run_deno.ts";

/** An architecture of Linux, as Deno names it. */
export type Architecture = typeof Deno.build.arch;

/** What to compile, and with what. */
export interface CompileRequest {
  /** The folder with `main.js` and `lib/worker.js`. */
  readonly bundle: string;
  /** The file to write. */
  readonly output: string;
  /** For another machine than this one. */
  readonly architecture?: Architecture;
  /** The runtime to put in; without it Deno downloads its own. */
  readonly denort?: string;
  /** The deno that compiles; this one unless told. */
  readonly deno?: string;
}

/**
 * Compiles. Returns why the runtime cannot be had when Deno could not download it; throws on every other failure,
 * also when `denort` was given: then there is nothing to fall back to.
 */
export async function compile(request: CompileRequest): Promise<string | undefined> {
  const { bundle, output, architecture = Deno.build.arch, denort, deno } = request;
  const part = `${output}.part`;
  const flags = ["--quiet", "-A", "--no-check", "--no-code-cache", "--no-config", "--no-lock", "--no-prompt"];
  const target = `${architecture}-unknown-linux-gnu`;
  const { success, said } = await runDeno(
    ["compile", ...flags, "--target", target, "--include", bundle, "--output", part, join(bundle, "main.js")],
    { cwd: bundle, env: denort === undefined ? {} : { DENORT_BIN: denort }, ...deno === undefined ? {} : { deno } },
  );
  if (success) {
    await Deno.rename(part, output);
    return undefined;
  }
  if (denort !== undefined || !said.includes("Setting up base binary")) {
    throw new Error(`Cannot compile "${bundle}":\n${said}`);
  }
  return said.split("\n").find((line) => line.includes("denort"))?.replace(/^[\s\d:]+/, "") ?? "denort is not there";
}
