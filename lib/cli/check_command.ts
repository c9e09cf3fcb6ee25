/**
 * `executor check`: the checks of Dockerfiles, without building anything.
 *
 * @module
 */
import { type CheckedSource, exitCodeOf, type UnknownBase } from "../checks/check_result.ts";
import { formatGithub } from "../checks/format_github.ts";
import { formatJson } from "../checks/format_json.ts";
import { formatText } from "../checks/format_text.ts";
import type { PlannedDockerfile } from "../build/plan_dockerfile.ts";
import type { Warning } from "../dockerfile/warning.ts";
import { KilnError } from "../errors.ts";
import { formatReference } from "../oci/reference.ts";
import type { Startup } from "./startup.ts";
import { inspect } from "./inspect.ts";
import type { InspectOptions } from "./inspect_options.ts";
import type { BuildContext } from "./build_context.ts";

/** What to check, and how to show what is found. */
export interface CheckCommandOptions {
  /** One for each Dockerfile. */
  readonly inputs: readonly InspectOptions[];
  readonly format: "text" | "json" | "github";
}

/** Checks Dockerfiles, one after the other. */
export interface CheckOutcome {
  readonly exitCode: number;
  /** What a person is to be told besides; the formats for programs have it themselves. */
  readonly errors: readonly KilnError[];
}

const FORMATS = { text: formatText, json: formatJson, github: formatGithub };

/** Runs the command. */
export async function checkCommand(
  { inputs, format }: CheckCommandOptions,
  context: BuildContext,
  startup: Startup,
): Promise<CheckOutcome> {
  const sources: CheckedSource[] = [];
  for (const input of inputs) sources.push(await checkOne(input, context, startup));
  context.host.stdout.write(new TextEncoder().encode(FORMATS[format](sources)));
  const errors = sources.flatMap(({ error }) => error ?? []);
  return { exitCode: exitCodeOf(sources), errors: format === "text" ? errors : [] };
}

async function checkOne(input: InspectOptions, context: BuildContext, startup: Startup): Promise<CheckedSource> {
  const warnings: Warning[] = [];
  const open: Warning[] = [];
  const sorted = (list: readonly Warning[]): readonly Warning[] =>
    list.toSorted((a, b) => a.range.startLine - b.range.startLine);
  let file = input.request.dockerfile.kind === "file" ? input.request.dockerfile.name : "Dockerfile";
  let text: string | undefined;
  const found = (): Pick<CheckedSource, "file" | "text" | "warnings" | "open"> => ({
    file,
    ...(text === undefined ? {} : { text }),
    warnings: sorted(warnings),
    open: sorted(open),
  });
  try {
    const planned = await inspect(
      input,
      {
        // As BuildKit: without a target all stages are checked, not only those that the last one needs.
        targets: input.request.targets.length === 0 ? "all" : input.request.targets,
        onWarning: (warning) => void warnings.push(warning),
        onOpen: (warning) => void open.push(warning),
        onSource: (name, content) => [file, text] = [name, content],
      },
      context,
      startup,
    );
    const error = errorOf(planned, warnings);
    return { ...found(), unknownBases: unknownBasesOf(planned), ...(error === undefined ? {} : { error }) };
  } catch (error) {
    if (!(error instanceof KilnError) || error.kind === "interrupted") throw error;
    return { ...found(), unknownBases: [], error };
  }
}

/** `# check=error=true`. */
function errorOf({ checks }: PlannedDockerfile, warnings: readonly Warning[]): KilnError | undefined {
  if (!checks.options.error || warnings.length === 0) return undefined;
  const rules = [...new Set(warnings.map(({ rule }) => rule))].join(", ");
  return new KilnError("dockerfile", `Cannot build: "# check=error=true", and the checks found faults: ${rules}`);
}

function unknownBasesOf({ plan }: PlannedDockerfile): readonly UnknownBase[] {
  return [...plan.stages.values()].flatMap(({ base, from }) =>
    base.kind === "unknown"
      ? [{ image: formatReference(base.reference), range: from.line.range, reason: base.reason.message }]
      : []
  );
}
