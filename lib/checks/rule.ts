/**
 * What a check is: one value per rule that knows its name, its text and when it fires (dockerfile.md 5). Nothing
 * outside the file of a rule knows any of that.
 *
 * A rule has one or more of the hooks below. They are called in the order in which a Dockerfile becomes a plan: as it
 * is read, when all of it is read, for each FROM, for each base image, for each undefined variable and each step, and
 * when the context is there.
 *
 * @module
 */
import type { LogicalLine } from "../dockerfile/line.ts";
import type { SourceRange } from "../dockerfile/source.ts";
import type { Expansion } from "../dockerfile/expand_word.ts";
import type { MissingVariable } from "../instructions/missing_variable.ts";
import type { FromNode } from "../instructions/from.ts";
import type { GlobalFacts } from "../instructions/global_args.ts";
import type { Node, StageState } from "../instructions/instruction.ts";
import type { Dockerfile } from "../instructions/stages.ts";
import type { Platform } from "../oci/platform.ts";

/** How a rule tells what it found; the position is that of the instruction at hand unless another line is given. */
export interface Teller {
  tell(detail: string, line?: LogicalLine): void;
  /** Says that it could not be decided, because the config of the base image is not known. */
  leaveOpen(detail: string): void;
}

/** The same where there is no instruction at hand. */
export type LineTeller = (detail: string, line: LogicalLine) => void;

/** A FROM before its variables are replaced. */
export interface CheckedFrom {
  readonly node: FromNode;
  /** Replaces the variables of a text with the global arguments; undefined where that fails. */
  expand(text: string): Expansion | undefined;
  /** Global arguments by name; undefined: declared, no value. */
  readonly globals: ReadonlyMap<string, string | undefined>;
}

/** The base image of a stage. */
export interface CheckedBase {
  readonly node: FromNode;
  /** As the FROM has it, variables replaced. */
  readonly name: string;
  readonly wanted: Platform;
  /** What the image says it is; absent when its config is not known. */
  readonly found?: Platform;
}

/** A variable in a step that is neither set nor declared. */
export interface CheckedVariable extends MissingVariable {
  readonly node: Node;
  /** Whether a base image that is not known may have set it. */
  readonly isOpen: boolean;
}

/** A step of a stage. */
export interface CheckedStep {
  /** As written. */
  readonly node: Node;
  /** With its variables replaced. */
  readonly expanded: Node;
  /** The state in front of it. */
  readonly state: StageState;
  /** Whether the config of the base image is not known, so that the state lacks what it says. */
  readonly isOpen: boolean;
}

/** What the ignore file keeps out of the build context. */
export interface CheckedIgnore {
  /** Whether a pattern brings back what another one excludes: then little can be said. */
  readonly hasExceptions: boolean;
  /** Whether a pattern excludes everything there is. */
  readonly excludesAll: boolean;
  excludes(path: string): boolean;
}

/** One rule. */
export interface Rule {
  readonly name: string;
  /** One sentence about the rule; what is found in a Dockerfile is told in words of its own. */
  readonly description: string;
  /** Only checked when asked for by name. */
  readonly experimental?: true;
  /** The only rule of BuildKit without a page of documentation has this. */
  readonly undocumented?: true;
  /** Continued instructions with blank lines inside: the last line of each. */
  blankLines?(ends: readonly SourceRange[], tell: (detail: string, range: SourceRange) => void): void;
  /** An instruction, read. */
  node?(node: Node, teller: Teller): void;
  /** All of the file, read. */
  file?(file: Dockerfile, tell: LineTeller, facts: GlobalFacts): void;
  from?(from: CheckedFrom, teller: Teller): void;
  base?(base: CheckedBase, teller: Teller): void;
  variable?(variable: CheckedVariable, teller: Teller): void;
  step?(step: CheckedStep, teller: Teller): void;
  context?(node: Node, ignore: CheckedIgnore, teller: Teller): void;
}

/** Returns the page about a rule, which is BuildKit's; undefined where there is none. */
export function pageOf(rule: Rule): string | undefined {
  if (rule.undocumented) return undefined;
  const words = rule.name.replaceAll(/(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])/g, "-").toLowerCase();
  return `https://docs.docker.com/go/dockerfile/rule/${words}/`;
}
