/**
 * Variables of a stage, of a build's globals, and what expands words with them.
 *
 * @module
 */
import { expandBody, expandWord, expandWords, type Expansion } from "../dockerfile/expand_word.ts";
import type { Escape } from "../dockerfile/line.ts";
import { suggest } from "../dockerfile/suggest.ts";
import type { Finding } from "../dockerfile/warning.ts";
import type { BuildArguments, DeclaredArg, Expander, StageState } from "./instruction.ts";
import { SCAN_ARGS } from "./predefined_args.ts";

/** How to expand. */
export interface ExpanderOptions {
  /** The escape character of the file being built, also for triggers that came from elsewhere. */
  readonly escape: Escape;
  /** Receives what is legal but suspicious; absent: nobody wants to know. */
  readonly onFinding?: (finding: Finding) => void;
}

/** Returns an expander over what a stage has gathered so far. */
export function createExpander(state: StageState, options: ExpanderOptions): Expander {
  return new VariableExpander({
    ...options,
    // Made when first asked for: most instructions use no variable.
    variables: once(() => new Map(state.environment)),
    declared: once(() => new Set([...SCAN_ARGS, ...state.args.map(([name]) => name)])),
    build: state.build,
    explainMissing: (name, known) => {
      const near = suggest(name, known);
      const hint = near === undefined ? "" : ` (did you mean $${near}?)`;
      return { rule: "UndefinedVar", message: `Usage of undefined variable '$${name}'${hint}` };
    },
  });
}

/** Returns an expander for FROM, which sees global ARGs only. */
export function createGlobalExpander(build: BuildArguments, options: ExpanderOptions): Expander {
  return new VariableExpander({
    ...options,
    variables: once(() => new Map(valuesOf([...build.globals]))),
    declared: once(() => new Set(build.globals.keys())),
    build,
    explainMissing: (name) => {
      const near = suggest(name, build.globals.keys());
      const hint = near === undefined ? "" : ` (did you mean ${near}?)`;
      return { rule: "UndefinedArgInFrom", message: `FROM argument '${name}' is not declared${hint}` };
    },
  });
}

interface VariableExpanderFields extends ExpanderOptions {
  readonly variables: () => ReadonlyMap<string, string>;
  /** Names that may be used without having a value. */
  readonly declared: () => ReadonlySet<string>;
  readonly build: BuildArguments;
  /** Returns the warning about any other variable that is not set; `known` are the names that are. */
  readonly explainMissing: (name: string, known: Iterable<string>) => Finding;
}

class VariableExpander implements Expander {
  readonly build: BuildArguments;
  readonly #fields: VariableExpanderFields;
  readonly #variables: { readonly variable: (name: string) => string | undefined; readonly escape: Escape };

  constructor(fields: VariableExpanderFields) {
    this.build = fields.build;
    this.#fields = fields;
    this.#variables = { variable: (name) => fields.variables().get(name), escape: fields.escape };
  }

  word(text: string): string {
    return this.#noting(expandWord(text, this.#variables)).text;
  }

  words(text: string): readonly string[] {
    // BuildKit does not look for undefined variables here.
    return expandWords(text, this.#variables).words;
  }

  body(text: string): string {
    return this.#noting(expandBody(text, this.#variables)).text;
  }

  variable(name: string): string | undefined {
    return this.#fields.variables().get(name);
  }

  with(further: readonly DeclaredArg[]): Expander {
    return new VariableExpander({
      ...this.#fields,
      variables: once(() => new Map([...this.#fields.variables(), ...valuesOf(further)])),
      declared: once(() => new Set([...this.#fields.declared(), ...further.map(([name]) => name)])),
    });
  }

  warn(finding: Finding): void {
    this.#fields.onFinding?.(finding);
  }

  #noting<T extends Pick<Expansion, "missing">>(expansion: T): T {
    for (const name of expansion.missing) {
      if (this.#fields.declared().has(name)) continue;
      this.warn(this.#fields.explainMissing(name, this.#fields.variables().keys()));
    }
    return expansion;
  }
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}

function valuesOf(args: readonly DeclaredArg[]): readonly (readonly [name: string, value: string])[] {
  return args.flatMap(([name, value]) => value === undefined ? [] : [[name, value] as const]);
}
