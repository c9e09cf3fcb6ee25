/**
 * The program's parts put together: what `main.ts` runs.
 *
 * @module
 */
import { dumpDockerfile } from "../dockerfile/debug_dump.ts";
import { formatExcerpt } from "../dockerfile/excerpt.ts";
import { expandWords } from "../dockerfile/expand_word.ts";
import type { CheckOutcome } from "./check_command.ts";
import { realHost } from "./host.ts";
import { type Program, run } from "./run.ts";
import type { Startup } from "./startup.ts";

/** Runs the executor and returns its exit code. */
export function runExecutor(args: readonly string[], startup: Startup): Promise<number> {
  return run(args, realHost(), createProgram(startup));
}

/** Puts the parts together. */
export function createProgram(startup: Startup): Program {
  return {
    async build(options, context): Promise<void> {
      // Loaded only for a build: `--version` must not wait for it.
      const { buildCommand } = await import("./build_command.ts");
      await buildCommand(options, context, startup);
    },
    async check(options, context): Promise<CheckOutcome> {
      const { checkCommand } = await import("./check_command.ts");
      return await checkCommand(options, context, startup);
    },
    async plan(options, context): Promise<void> {
      const { planCommand } = await import("./plan_command.ts");
      await planCommand(options, context, startup);
    },
    dump: dumpDockerfile,
    expandLine: (line, { variables, escape }) =>
      expandWords(line, { variable: (name) => variables.get(name), escape }).words,
    excerpt: (range, text) => formatExcerpt(text, [range]),
  };
}
