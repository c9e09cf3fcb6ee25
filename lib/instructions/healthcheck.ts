/**
 * HEALTHCHECK: how to tell whether a container works (dockerfile.md 3.12).
 *
 * @module
 */
import { badArgument, type Command, parseCheck } from "../dockerfile/arguments.ts";
import { type FlagTable, type FlagValues, parseFlags } from "../dockerfile/flags.ts";
import type { LogicalLine } from "../dockerfile/line.ts";
import { didYouMean } from "../dockerfile/suggest.ts";
import { formatDuration, parseDuration } from "../dockerfile/values/duration.ts";
import type { Healthcheck } from "../oci/config.ts";
import type { Instruction, Node, StageState } from "./instruction.ts";

/** A parsed HEALTHCHECK. */
export interface HealthcheckNode extends Node {
  readonly keyword: "HEALTHCHECK";
  /** What the image gets; zeros are left out. */
  readonly healthcheck: Healthcheck;
}

const FLAGS = {
  "interval": "text",
  "timeout": "text",
  "start-period": "text",
  "start-interval": "text",
  "retries": "text",
} as const satisfies FlagTable;

type Flags = FlagValues<typeof FLAGS>;

const MIN_DURATION = 1_000_000;
const MAX_RETRIES = 2 ** 31 - 1;

/** `HEALTHCHECK NONE` (whose flags BuildKit ignores) or `HEALTHCHECK [flags] CMD command`. The last one counts. */
export const HEALTHCHECK: Instruction<HealthcheckNode> = {
  keyword: "HEALTHCHECK",
  parse(line): HealthcheckNode {
    const check = parseCheck(line.rest);
    if (check === undefined) throw badArgument(line, "it needs CMD and a command, or NONE");
    const type = check.type.toUpperCase();
    if (type === "NONE") {
      if (check.command !== undefined) throw badArgument(line, "NONE takes no arguments");
      return { keyword: "HEALTHCHECK", line, healthcheck: { Test: ["NONE"] } };
    }
    const flags = parseFlags(line, FLAGS);
    if (type !== "CMD") {
      const hint = { hint: "one of CMD and NONE", ...didYouMean(type, ["CMD", "NONE"]) }.hint;
      throw badArgument(line, `"${check.type}" is no kind of check`, hint);
    }
    return {
      keyword: "HEALTHCHECK",
      line,
      healthcheck: { Test: testOf(line, check.command), ...timesOf(line, flags) },
    };
  },
  configure(node, state): StageState {
    const lastOf = { ...state.lastOf, HEALTHCHECK: node.line };
    return { ...state, lastOf, config: { ...state.config, Healthcheck: node.healthcheck } };
  },
  history(node): string {
    const { Test, Interval, Timeout, StartPeriod, StartInterval, Retries } = node.healthcheck;
    const times = Object.entries({ Interval, Timeout, StartPeriod, StartInterval })
      .map(([name, value]) => `${name}:${formatDuration(value ?? 0)}`);
    return `HEALTHCHECK {Test:[${Test?.join(" ")}] ${times.join(" ")} Retries:${Retries ?? 0}}`;
  },
};

/** The shell of a shell form is chosen by the runtime, not by SHELL. */
function testOf(line: LogicalLine, command: Command | undefined): readonly string[] {
  if (command === undefined || (command.form === "exec" && command.argv.length === 0)) {
    throw badArgument(line, "the command behind CMD is missing");
  }
  return command.form === "exec" ? ["CMD", ...command.argv] : ["CMD-SHELL", command.text];
}

function timesOf(line: LogicalLine, flags: Flags): Omit<Healthcheck, "Test"> {
  const times = {
    Interval: durationOf(line, "interval", flags),
    Timeout: durationOf(line, "timeout", flags),
    StartPeriod: durationOf(line, "start-period", flags),
    StartInterval: durationOf(line, "start-interval", flags),
    Retries: retriesOf(line, flags.retries),
  };
  return Object.fromEntries(Object.entries(times).filter(([, value]) => value !== 0));
}

function durationOf(line: LogicalLine, name: Exclude<keyof Flags, "retries">, flags: Flags): number {
  const text = flags[name] ?? "";
  if (text === "") return 0;
  const duration = parseDuration(text);
  if (duration === undefined) {
    throw badArgument(line, `--${name}="${text}" is not a duration`, "write a number and a unit, such as 30s or 1m30s");
  }
  if (duration === 0 || duration >= MIN_DURATION) return duration;
  throw badArgument(line, `--${name}="${text}" is less than 1ms`);
}

function retriesOf(line: LogicalLine, text: string | undefined): number {
  if (text === undefined || text === "") return 0;
  const retries = /^[-+]?[0-9]+$/.test(text) ? Number(text) : NaN;
  if (retries >= 0 && retries <= MAX_RETRIES) return retries + 0;
  throw badArgument(line, `--retries="${text}" is not a number from 0 to ${MAX_RETRIES}`);
}
