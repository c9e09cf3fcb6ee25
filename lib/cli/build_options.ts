/**
 * All flags of a build, split once into small records; each record is taken by one constructor and no function sees
 * another one's flags.
 *
 * @module
 */
import { parseBoolean } from "../dockerfile/values/boolean.ts";
import type { ReportOptions } from "../report/console_report.ts";
import type { Level } from "../report/report.ts";
import { environmentNotices } from "./environment.ts";
import type { BuildFlags } from "./flags.ts";
import { type IsolationOptions, parseIsolationOptions } from "./isolation_options.ts";
import { parseOutputFlags, writesToStdout } from "./output_flag.ts";
import { mergeWishes } from "./output_wishes.ts";
import { type OutputOptions, parseOutputOptions } from "./output_options.ts";
import type { Notice } from "./parse.ts";
import { parseRegistryOptions, type RegistryOptions } from "./registry_options.ts";
import { parseRequestOptions, type RequestOptions } from "./request_options.ts";
import { parseStepOptions, type StepOptions } from "./step_options.ts";

/** A build as the command line describes it. */
export interface BuildOptions {
  readonly request: RequestOptions;
  readonly outputs: OutputOptions;
  readonly registry: RegistryOptions;
  readonly isolation: IsolationOptions;
  readonly step: StepOptions;
  /** Whether to show the plan before anything is built. */
  readonly printPlan: boolean;
  /** To be told once there is a report. */
  readonly notices: readonly Notice[];
}

/** What reading the flags reads of the world. */
export interface OptionsWorld {
  env(name: string): string | undefined;
  readonly envNames: readonly string[];
  readonly cwd: string;
  readonly executable: string;
}

/**
 * Makes all records but the one for the report.
 *
 * @throws {KilnError} kind `usage`, naming the flag or variable that is at fault.
 */
export function parseBuildOptions(flags: BuildFlags, world: OptionsWorld): BuildOptions {
  const notices: Notice[] = [];
  const outputs = parseOutputFlags(flags.output, world);
  return {
    request: parseRequestOptions(flags, mergeWishes(flags, outputs), world, notices),
    outputs: parseOutputOptions(flags, outputs, world),
    registry: parseRegistryOptions(flags, outputs.flatMap(({ wishes }) => wishes.insecure), world),
    isolation: parseIsolationOptions(flags, world),
    step: parseStepOptions(flags),
    printPlan: isSet(world.env("KANIKO_PRINT_PLAN") ?? ""),
    notices: [...environmentNotices(world), ...notices],
  };
}

function isSet(text: string): boolean {
  return text !== "" && parseBoolean(text) !== false;
}

/** Makes the record for the report. It never fails, so that every later error can be reported as the user wants. */
export function parseReportOptions(flags: BuildFlags): ReportOptions {
  return {
    format: flags["log-format"],
    verbosity: LEVEL_OF[flags.verbosity],
    timestamps: flags["log-timestamp"],
    ...(writesToStdout(flags) ? { stdoutIsTaken: true } : {}),
  };
}

const LEVEL_OF: Readonly<Record<BuildFlags["verbosity"], Level>> = {
  trace: "trace",
  debug: "debug",
  info: "info",
  warn: "warn",
  warning: "warn",
  error: "error",
  fatal: "error",
  panic: "error",
};
