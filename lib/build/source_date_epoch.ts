/**
 * SOURCE_DATE_EPOCH: the time that no time in the image may exceed (https://reproducible-builds.org/specs).
 *
 * It is a number, or named after what is as old: the build context, a named context, or a stage that is nothing but
 * something fetched (dockerfile.md 2.4).
 *
 * @module
 */
import { Checks } from "../checks/checks.ts";
import { DEFAULT_CHECKS } from "../checks/check_options.ts";
import { locate } from "../dockerfile/locate.ts";
import { KilnError } from "../errors.ts";
import { ADD } from "../instructions/add.ts";
import { ARG } from "../instructions/arg.ts";
import { createGlobalExpander } from "../instructions/expander.ts";
import { FROM } from "../instructions/from.ts";
import { type BuildArguments, isOf } from "../instructions/instruction.ts";
import { parseAddSource } from "../instructions/remote_source.ts";
import type { Dockerfile, StageText } from "../instructions/stages.ts";
import { scratchState } from "../instructions/state.ts";
import type { RemoteSource } from "../instructions/step.ts";
import type { Platform } from "../oci/platform.ts";
import { evaluateStage } from "./evaluate_stage.ts";
import type { NamedContexts } from "./named_contexts.ts";

const NAME = "SOURCE_DATE_EPOCH";

/** 0000-01-01 and the end of 9999: other years have no RFC 3339 form, which configs need. Seconds since 1970. */
const [EARLIEST, LATEST] = [-62_167_219_200, 253_402_300_799] as const;

/** Looks up how old things are; undefined is of no time, like a directory. */
export interface SourceTimes {
  context(): Promise<Date | undefined>;
  /** What an ADD fetches. */
  remote(source: RemoteSource): Promise<Date | undefined>;
}

/** What there is to be named. */
export interface EpochFacts {
  readonly dockerfile: Dockerfile;
  readonly contexts: NamedContexts;
  readonly platform: Platform;
  /** Absent: nothing is to be fetched for it, so that the time of what is named is not known. */
  readonly times?: SourceTimes;
}

/** The arguments of a build whose SOURCE_DATE_EPOCH is settled. */
export interface SettledEpoch {
  /** With the number in place of what was given, or without the argument when there is no time. */
  readonly build: BuildArguments;
  /** Seconds since 1970, if set. */
  readonly epoch?: number;
}

/**
 * Reads SOURCE_DATE_EPOCH from the build arguments, else from a global ARG, and looks up what it names. Given as empty
 * it resets the default of the Dockerfile.
 *
 * @throws {KilnError} kind `usage` or `dockerfile`, by where it stands, if it is no time and names nothing that could
 *   have one; or what fetching throws
 */
export async function settleEpoch(build: BuildArguments, facts: EpochFacts): Promise<SettledEpoch> {
  const text = build.given.get(NAME) ?? build.globals.get(NAME) ?? "";
  const epoch = text === "" ? undefined : await secondsOf(text, build, facts);
  if (!build.given.has(NAME) && text === "") return { build };
  return { build: withEpoch(build, epoch), ...(epoch === undefined ? {} : { epoch }) };
}

function withEpoch(build: BuildArguments, epoch: number | undefined): BuildArguments {
  const [given, globals] = [new Map(build.given), new Map(build.globals)];
  for (const map of [given, globals]) {
    if (!map.has(NAME)) continue;
    if (epoch === undefined) map.delete(NAME);
    else map.set(NAME, String(epoch));
  }
  return { given, globals };
}

async function secondsOf(text: string, build: BuildArguments, facts: EpochFacts): Promise<number | undefined> {
  if (!/^[-+]?[0-9]+$/.test(text)) {
    const time = await timeOf(text, build, facts);
    return time === undefined ? undefined : Math.floor(time.getTime() / 1000);
  }
  const seconds = Number(text);
  if (seconds >= EARLIEST && seconds <= LATEST) return seconds;
  throw refusal(text, "it is not within the years 0 to 9999", build, facts);
}

async function timeOf(text: string, build: BuildArguments, facts: EpochFacts): Promise<Date | undefined> {
  const { dockerfile, contexts, platform, times } = facts;
  if (text === "context") return await times?.context();
  const context = contexts.find(text, platform);
  if (context !== undefined) {
    // Images have a time of their own, which is that of their build; BuildKit takes none either.
    if (context.kind !== "tree" || times === undefined) return undefined;
    return await (await context.open()).time();
  }
  const stage = dockerfile.stages.find(({ name }) => name === text.toLowerCase());
  if (stage === undefined) {
    throw refusal(text, "it is neither a number nor the name of a context or stage", build, facts);
  }
  const { given, globals } = withEpoch(build, undefined);
  const source = locate(stage.from.line.range, () => onlySource(stage, { given, globals }, facts));
  return await times?.remote(source);
}

/** Returns what a stage fetches that does nothing else. */
function onlySource(stage: StageText, build: BuildArguments, { dockerfile, platform }: EpochFacts): RemoteSource {
  const { escape } = dockerfile;
  const refuse = (why: string): KilnError =>
    new KilnError("dockerfile", `Cannot take ${NAME} from the stage "${stage.name}": ${why}`, {
      hint: "such a stage has FROM scratch, ARGs, one ADD of one URL or repository, and nothing else",
    });
  const from = FROM.expand?.(stage.from, createGlobalExpander(build, { escape })) ?? stage.from;
  if (from.base !== "scratch") throw refuse(`it starts from "${from.base}"`);
  const other = stage.nodes.find((node) => !isOf(ARG, node) && !isOf(ADD, node));
  if (other !== undefined) throw refuse(`it has a ${other.keyword}`);
  const written = stage.nodes.map((node) => ({ node, isTrigger: false, range: node.line.range }));
  const checks = new Checks(DEFAULT_CHECKS, { onWarning: () => {} });
  const steps = evaluateStage(scratchState({ build, platform }), written, { escape, checks, isOpen: false });
  const [add, ...others] = steps.flatMap(({ expanded }) => isOf(ADD, expanded) ? [expanded] : []);
  if (add === undefined) throw refuse("it has no ADD");
  if (others.length > 0) throw refuse("it has more than one ADD");
  const [text = "", ...further] = add.sources;
  const source = add.heredocs.length > 0 || further.length > 0 ? undefined : parseAddSource(text, add);
  if (source === undefined || source.kind === "path") throw refuse("its ADD is not of one URL or repository");
  return source;
}

/** It is to be told where the text stands: on the command line, or in an ARG. */
function refusal(text: string, why: string, { given }: BuildArguments, { dockerfile }: EpochFacts): KilnError {
  const isGiven = given.has(NAME);
  const error = new KilnError(isGiven ? "usage" : "dockerfile", `Cannot use ${NAME} "${text}": ${why}`, {
    hint: 'for example SOURCE_DATE_EPOCH="$(git log -1 --format=%ct)"',
  });
  const argument = dockerfile.globals.findLast(({ pairs }) => pairs.some(({ name }) => name === NAME));
  return isGiven || argument === undefined ? error : error.locate(argument.line.range);
}
