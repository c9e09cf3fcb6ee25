/**
 * `executor plan`: what a build would do, without doing any of it.
 *
 * @module
 */
import { describePlan } from "../build/describe_plan.ts";
import { formatPlan } from "../build/format_plan.ts";
import type { BuildPlan } from "../build/plan.ts";
import { formatJsonDocument } from "../report/json_document.ts";
import type { Startup } from "./startup.ts";
import { inspect } from "./inspect.ts";
import type { InspectOptions } from "./inspect_options.ts";
import type { BuildContext } from "./build_context.ts";

/** What to plan, and how to show it. */
export interface PlanCommandOptions {
  readonly input: InspectOptions;
  readonly format: PlanFormat;
}

/** How plans are shown. */
export type PlanFormat = "text" | "json";

/** Runs the command. @throws {KilnError} as a build would, as far as that is known without building */
export async function planCommand(
  { input, format }: PlanCommandOptions,
  context: BuildContext,
  startup: Startup,
): Promise<void> {
  let file = "Dockerfile";
  const { plan } = await inspect(
    input,
    {
      targets: input.request.targets,
      // Whoever wants to know asks for a check.
      onWarning: () => {},
      onSource: (name) => void (file = name),
    },
    context,
    startup,
  );
  await writePlan(plan, { file, format, context });
}

/** Writes a plan to stdout. A secret that is a variable's value, too, is hidden in it as in the log (S67). */
export async function writePlan(
  plan: BuildPlan,
  { file, format, context }: { readonly file: string; readonly format: PlanFormat; readonly context: BuildContext },
): Promise<void> {
  await context.secrets.guarded();
  const description = describePlan(plan, file);
  const text = format === "json" ? formatJsonDocument(description) : formatPlan(description);
  context.host.stdout.write(new TextEncoder().encode(context.redactor.text(text)));
}
