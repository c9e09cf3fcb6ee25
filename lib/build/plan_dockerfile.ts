/**
 * From the text of a Dockerfile to a plan, under its checks: what building, checking and showing the plan begin with.
 *
 * @module
 */
import { checkedIgnore, type IgnoreSource } from "../checks/checked_ignore.ts";
import { readChecked } from "../checks/checked_dockerfile.ts";
import type { Checks, ChecksListener } from "../checks/checks.ts";
import type { Directives } from "../dockerfile/directives.ts";
import type { ImagePuller } from "../image/pull.ts";
import { evaluateGlobalArgs, type GlobalFacts } from "../instructions/global_args.ts";
import { hostPlatform, type Platform } from "../oci/platform.ts";
import { type NamedContexts, NO_CONTEXTS } from "./named_contexts.ts";
import { type BuildPlan, makePlan } from "./plan.ts";
import { settleEpoch, type SourceTimes } from "./source_date_epoch.ts";

/** A build argument of BuildKit's that replaces the `# check=` directive. */
const CHECK_ARGUMENT = "BUILDKIT_DOCKERFILE_CHECK";

/** What to plan. */
export interface DockerfileRequest extends ChecksListener {
  readonly bytes: Uint8Array;
  /** As the user named it, for positions. */
  readonly name: string;
  /** Names or indexes of stages; empty: the last one. */
  readonly targets: readonly string[] | "all";
  readonly platform: Platform;
  readonly buildArgs: ReadonlyMap<string, string>;
  /** What takes the place of stages and images; absent: nothing. */
  readonly contexts?: NamedContexts;
  /** What SOURCE_DATE_EPOCH may be taken from; absent: nothing is fetched for it. */
  readonly times?: SourceTimes;
  /** Plans also where the config of a base image cannot be had. */
  readonly tolerant: boolean;
  /** Called when the text was understood, before any registry is asked. */
  readonly onRead?: (directives: Directives) => void;
}

/** A plan and what came up on the way to it. */
export interface PlannedDockerfile {
  readonly plan: BuildPlan;
  readonly checks: Checks;
  /** SOURCE_DATE_EPOCH in seconds, if set. */
  readonly epoch?: number;
}

/**
 * Plans a Dockerfile.
 *
 * @throws {KilnError} what reading it, `makePlan` and the check options throw
 */
export async function planDockerfile(request: DockerfileRequest, puller: ImagePuller): Promise<PlannedDockerfile> {
  const { bytes, name, targets, platform, buildArgs, contexts = NO_CONTEXTS, times, tolerant } = request;
  const check = buildArgs.get(CHECK_ARGUMENT);
  const { dockerfile, directives, checks } = readChecked(bytes, name, {
    onWarning: (warning) => request.onWarning(warning),
    onOpen: (open) => request.onOpen?.(open),
    ...(check === undefined ? {} : { check }),
  });
  request.onRead?.(directives);
  const { stages, escape, globals } = dockerfile;
  const [target] = targets === "all" ? [] : targets;
  const facts: GlobalFacts = {
    given: buildArgs,
    escape,
    target: platform,
    builder: hostPlatform(),
    targetStage: target ?? stages.at(-1)?.name,
  };
  checks.file(dockerfile, facts);
  const { build, epoch } = await settleEpoch(evaluateGlobalArgs(globals, facts), {
    dockerfile,
    contexts,
    platform,
    ...(times === undefined ? {} : { times }),
  });
  const plan = await makePlan({ stages, targets, platform, contexts, build, escape, checks, tolerant }, puller);
  return { plan, checks, ...(epoch === undefined ? {} : { epoch }) };
}

/** Checks what the steps of a plan read from the context, once it is known what the ignore file keeps out of it. */
export function checkContext({ plan, checks }: PlannedDockerfile, ignore: IgnoreSource | undefined): void {
  if (ignore === undefined) return;
  const checked = checkedIgnore(ignore);
  for (const { steps } of plan.stages.values()) {
    for (const { expanded } of steps) checks.context(expanded, checked);
  }
}
