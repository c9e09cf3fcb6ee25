/**
 * Running the checks: hands what becomes of a Dockerfile to the rules, and passes on what they tell unless the options
 * of the file or the comments above the instruction silence it (dockerfile.md 5).
 *
 * Differs from BuildKit: there, comments silence only rules about single instructions, here all of them.
 *
 * @module
 */
import { expandWord, type Expansion } from "../dockerfile/expand_word.ts";
import type { Escape, LogicalLine } from "../dockerfile/line.ts";
import type { SourceRange } from "../dockerfile/source.ts";
import type { Warning } from "../dockerfile/warning.ts";
import { KilnError } from "../errors.ts";
import type { FromNode } from "../instructions/from.ts";
import type { GlobalFacts } from "../instructions/global_args.ts";
import type { BuildArguments, Node } from "../instructions/instruction.ts";
import type { MissingVariable } from "../instructions/missing_variable.ts";
import type { Dockerfile } from "../instructions/stages.ts";
import { type CheckOptions, isActive, withComments } from "./check_options.ts";
import type { CheckedBase, CheckedIgnore, CheckedStep, LineTeller, Rule, Teller } from "./rule.ts";
import { RULES } from "./table.ts";

/** Who is told. */
export interface ChecksListener {
  onWarning(warning: Warning): void;
  /** What could not be decided for want of a base image's config; absent: nobody wants to know. */
  onOpen?(open: Warning): void;
}

/** The checks of one Dockerfile. */
export class Checks {
  readonly options: CheckOptions;
  readonly #listener: ChecksListener;
  /** What was told: each warning is told once. */
  readonly #told = new Set<string>();

  constructor(options: CheckOptions, listener: ChecksListener) {
    this.options = options;
    this.#listener = listener;
  }

  /** Lines that end a continued instruction with blank lines inside. */
  blankLines(ends: readonly SourceRange[]): void {
    for (const rule of RULES) {
      rule.blankLines?.(ends, (detail, range) => {
        if (isActive(this.options, rule)) this.#tell({ rule: rule.name, message: detail, range });
      });
    }
  }

  /** An instruction, as it is read. */
  node(node: Node): void {
    for (const rule of RULES) rule.node?.(node, this.#tellerAt(rule, node.line));
  }

  /** The whole file, read. */
  file(file: Dockerfile, facts: GlobalFacts): void {
    for (const rule of RULES) {
      const tell: LineTeller = (detail, line) => this.#tellerAt(rule, line).tell(detail);
      rule.file?.(file, tell, facts);
    }
  }

  /** A FROM, before its variables are replaced. */
  from(node: FromNode, { globals }: BuildArguments, escape: Escape): void {
    const expand = (text: string): Expansion | undefined => {
      try {
        return expandWord(text, { variable: (name) => globals.get(name), escape });
      } catch (error) {
        // It is an error of the build, told as one.
        if (error instanceof KilnError) return undefined;
        throw error;
      }
    };
    for (const rule of RULES) rule.from?.({ node, expand, globals }, this.#tellerAt(rule, node.line));
  }

  base(base: CheckedBase): void {
    for (const rule of RULES) rule.base?.(base, this.#tellerAt(rule, base.node.line));
  }

  /** A variable of a step that is neither set nor declared. */
  variable(variable: MissingVariable, { node, isOpen }: { readonly node: Node; readonly isOpen: boolean }): void {
    for (const rule of RULES) rule.variable?.({ ...variable, node, isOpen }, this.#tellerAt(rule, node.line));
  }

  /** A step with its variables replaced. */
  step(step: CheckedStep): void {
    for (const rule of RULES) rule.step?.(step, this.#tellerAt(rule, step.node.line));
  }

  /** An expanded node, once it is known what the context lacks. */
  context(node: Node, ignore: CheckedIgnore): void {
    for (const rule of RULES) rule.context?.(node, ignore, this.#tellerAt(rule, node.line));
  }

  #tellerAt(rule: Rule, here: LogicalLine): Teller {
    const isLoud = (line: LogicalLine): boolean =>
      isActive(withComments(this.options, line.comments, line.range), rule);
    return {
      tell: (message, line = here) => {
        if (isLoud(here) && isLoud(line)) this.#tell({ rule: rule.name, message, range: line.range });
      },
      leaveOpen: (message) => {
        if (isLoud(here)) this.#listener.onOpen?.({ rule: rule.name, message, range: here.range });
      },
    };
  }

  #tell(warning: Warning): void {
    const key = `${warning.range.startLine} ${warning.rule} ${warning.message}`;
    if (this.#told.has(key)) return;
    this.#told.add(key);
    this.#listener.onWarning(warning);
  }
}
