/**
 * What an instruction is: one value per keyword that knows its grammar, its variables, its effect on the image
 * config, what it reads from elsewhere, and what it does to the file system. Nothing outside the file of a keyword
 * knows any of that.
 *
 * The life of a line: `parse` (text to node, once per file) -> `origins` (edges of the stage graph) -> `expand`
 * (variables, with the state before the instruction) -> `configure` (the state after it) -> `run`.
 *
 * @module
 */
import type { LogicalLine } from "../dockerfile/line.ts";
import type { ContainerConfig } from "../oci/config.ts";
import type { Platform } from "../oci/platform.ts";
import type { StepContext, TreeStep } from "./step.ts";
import type { VersionedMap } from "./versioned_map.ts";

/** What every parsed instruction has. */
export interface Node {
  readonly keyword: string;
  readonly line: LogicalLine;
}

/** Those of which only the last one in a stage counts. */
const ONCE_ONLY = ["CMD", "ENTRYPOINT", "HEALTHCHECK"] as const;
export type OnceOnly = typeof ONCE_ONLY[number];

/** Tells whether only the last instruction of a keyword in a stage counts. */
export function isOnceOnly(keyword: string): keyword is OnceOnly {
  return ONCE_ONLY.some((each) => each === keyword);
}

/** One name and value of the build environment. */
export type EnvironmentEntry = readonly [name: string, value: string];

/** What a whole build brings to every stage; never changes. */
export interface BuildArguments {
  /** `--build-arg`, last one wins. */
  readonly given: ReadonlyMap<string, string>;
  /** Global ARGs: platform args, then those before the first FROM, with values (undefined: declared, no value). */
  readonly globals: ReadonlyMap<string, string | undefined>;
}

/** The fields of a `config` object that grow with every instruction, and that `StageState` has as maps. */
export type GrowingField = "Env" | "ExposedPorts" | "Labels" | "Volumes";

/** Everything a stage has gathered up to an instruction. Immutable. */
export interface StageState {
  /** The image's `config` object so far, but for the fields that follow; `containerConfig` has it whole. */
  readonly config: Omit<ContainerConfig, GrowingField>;
  /** `NAME=value` lines of the image by name. */
  readonly env: VersionedMap<string>;
  readonly labels: VersionedMap<string>;
  /** Keys such as `80/tcp`. */
  readonly ports: VersionedMap<true>;
  readonly volumes: VersionedMap<true>;
  /** Variables: ENV and ARG in order of effect; a later one replaces an earlier one of the same name, in place. */
  readonly environment: VersionedMap<string>;
  /**
   * ARGs declared so far, first-seen order, latest value; undefined when nothing gave one. They stand in RUN's history
   * as `|N k=v`.
   */
  readonly args: VersionedMap<string | undefined>;
  readonly build: BuildArguments;
  readonly platform: Platform;
  /** From MAINTAINER or the base image. */
  readonly author?: string;
  /** The last line of each in this stage. With a CMD among them ENTRYPOINT does not reset it. */
  readonly lastOf: { readonly [K in OnceOnly]?: LogicalLine };
  /** Whether this stage or one it was started from has a WORKDIR. */
  readonly workdirSet: boolean;
}

/** How `expand` asks for variables. Each call expands one word with the state before the instruction. */
export interface Expander {
  /** Expands one word to one word: quotes and escapes are removed, variables replaced. */
  word(text: string): string;
  /** Expands a text and splits the result at blanks that are not quoted (EXPOSE); silent about undefined variables. */
  words(text: string): readonly string[];
  /** Expands a heredoc body: quotes are literal, backslash escapes vanish, variables are replaced. */
  body(text: string): string;
  /** Returns what a variable is set to. */
  variable(name: string): string | undefined;
  /** An expander that sees a further argument first (`ARG x=1 y=$x`); without value it is merely declared. */
  with(name: string, value: string | undefined): Expander;
  /** The arguments of the build: a `--build-arg` replaces the default of an ARG, which is then not even expanded. */
  readonly build: BuildArguments;
}

/** Something outside the stage that an instruction reads. */
export type Origin =
  /** The main build context. */
  | { readonly kind: "context" }
  /** A name that `--from=` or a mount gave; whether it is a stage, an index or an image is the planner's business. */
  | { readonly kind: "named"; readonly name: string; readonly indexes: boolean };

/** Something that is only done if whoever builds allows it. */
export interface Entitlement {
  readonly name: "network.host" | "security.insecure" | "device";
  /** The device, for those. */
  readonly device?: string;
  /** What in the Dockerfile asks for it: `--network=host`. */
  readonly flag: string;
}

/** One keyword. */
export interface Instruction<N extends Node = Node> {
  readonly keyword: string;
  /** Throws a `KilnError` of kind `dockerfile`; the caller adds the position. */
  parse(line: LogicalLine): N;
  /** Replaces variables. Absent: nothing in this instruction is expanded. */
  expand?(node: N, expander: Expander): N;
  /** Returns the state after the instruction. `node` is expanded. Absent: the config does not change. */
  configure?(node: N, state: StageState): StageState;
  /** The history text (dockerfile.md 3.0), with the state after the instruction; undefined: no entry. */
  history(node: N, state: StageState): string | undefined;
  /** What it reads; `node` is not expanded. */
  origins?(node: N): readonly Origin[];
  /** What must be allowed for it; `node` is expanded. Absent: nothing. */
  needs?(node: N): readonly Entitlement[];
  /** Whether it yields a layer, with the state after the instruction. Absent: iff there is a `run`. */
  makesLayer?(node: N, state: StageState): boolean;
  /** Changes the file system. `node` is expanded, the state in `step` is the one after the instruction. */
  run?(node: N, step: StepContext): Promise<void>;
  /**
   * Returns what does the same in an empty tree, which is then laid over that of the stage as a layer of its own
   * (`--link`); undefined for a node that is to be `run`.
   */
  apart?(node: N): ((step: TreeStep) => Promise<void>) | undefined;
}

/** Tells whether a node is one of an instruction. */
export function isOf<N extends Node>(instruction: Instruction<N>, node: Node): node is N {
  return node.keyword === instruction.keyword;
}
