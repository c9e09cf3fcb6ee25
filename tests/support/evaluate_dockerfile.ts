/**
 * Evaluates the pure part of a Dockerfile: variables, config and history, without a file system. Bases are stages of the
 * file, `scratch`, or one image given by the test.
 *
 * @module
 */
import { evaluateStage as evaluateSteps } from "../../lib/build/evaluate_stage.ts";
import { DEFAULT_CHECKS } from "../../lib/checks/check_options.ts";
import { Checks } from "../../lib/checks/checks.ts";
import { locate } from "../../lib/dockerfile/locate.ts";
import { createGlobalExpander } from "../../lib/instructions/expander.ts";
import { FROM } from "../../lib/instructions/from.ts";
import { evaluateGlobalArgs } from "../../lib/instructions/global_args.ts";
import type { Node, StageState } from "../../lib/instructions/instruction.ts";
import { findBaseStage, parseDockerfile } from "../../lib/instructions/stages.ts";
import { childState, containerConfig, imageState, scratchState } from "../../lib/instructions/state.ts";
import { instructionOf } from "../../lib/instructions/table.ts";
import { parseTriggers } from "../../lib/instructions/triggers.ts";
import type { ContainerConfig, ImageConfig } from "../../lib/oci/config.ts";
import type { Platform } from "../../lib/oci/platform.ts";

/** What a build is given. */
export interface Given {
  readonly args?: Readonly<Record<string, string>>;
  readonly image?: ImageConfig;
  readonly target?: Platform;
}

/** One evaluated stage. */
export interface EvaluatedStage {
  readonly name?: string;
  readonly state: StageState;
  /** What the image gets. */
  readonly config: ContainerConfig;
  /** Expanded, triggers included. */
  readonly nodes: readonly Node[];
  readonly history: readonly string[];
  /** Rule and message of each warning of the checks. */
  readonly warnings: readonly string[];
}

const AMD64: Platform = { os: "linux", architecture: "amd64" };

/** Evaluates all stages. */
export function evaluateDockerfile(text: string, given: Given = {}): readonly EvaluatedStage[] {
  const { globals, stages, escape } = parseDockerfile(text, "Dockerfile");
  const platform = given.target ?? AMD64;
  const build = evaluateGlobalArgs(globals, {
    given: new Map(Object.entries(given.args ?? {})),
    escape,
    target: platform,
    builder: AMD64,
    targetStage: stages.at(-1)?.name,
  });
  const done: EvaluatedStage[] = [];
  for (const { name, from, nodes } of stages) {
    const warnings: string[] = [];
    const checks = new Checks(DEFAULT_CHECKS, {
      onWarning: ({ rule, message }) => void warnings.push(`${rule}: ${message}`),
    });
    checks.from(from, build, escape);
    const { base } = locate(
      from.line.range,
      () => FROM.expand?.(from, createGlobalExpander(build, { escape })) ?? from,
    );
    const parent = findBaseStage(base, done);
    const facts = { build, platform };
    const first = parent !== undefined
      ? childState(parent.state)
      : base === "scratch" || given.image === undefined
      ? scratchState(facts)
      : imageState(given.image, facts);
    const triggers = parent?.state.config.OnBuild ?? (base === "scratch" ? [] : given.image?.config.OnBuild ?? []);
    const written = [...parseTriggers(triggers, from.line.range), ...nodes];
    const steps = evaluateSteps(
      first,
      written.map((node) => ({ node, isTrigger: false, range: node.line.range })),
      { escape, checks, isOpen: false },
    );
    const state = steps.at(-1)?.state ?? first;
    const history = steps.flatMap((step) => instructionOf(step.node.line).history(step.expanded, step.state) ?? []);
    done.push({
      ...(name === undefined ? {} : { name }),
      state,
      config: containerConfig(state),
      nodes: steps.map(({ expanded }) => expanded),
      history,
      warnings,
    });
  }
  return done;
}

/** Evaluates the instructions of one stage that starts from scratch, and returns it. */
export function evaluateStage(instructions: string, given: Given = {}): EvaluatedStage {
  const base = given.image === undefined ? "scratch" : "image";
  const stage = evaluateDockerfile(`FROM ${base}\n${instructions}`, given)[0];
  if (stage === undefined) throw new Error("Unreachable: there is one FROM");
  return stage;
}

/** Returns an image with the given config. */
export function imageWith(config: ImageConfig["config"]): ImageConfig {
  return {
    architecture: "amd64",
    os: "linux",
    config,
    rootfs: { type: "layers", diff_ids: [] },
    history: [],
  };
}
