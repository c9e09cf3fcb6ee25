/**
 * Variables of a stage, of a build's globals, and what expands words with them.
 *
 * @module
 */
import { expandBody, expandWord, expandWords, type Expansion } from "../dockerfile/expand_word.ts";
import type { Escape } from "../dockerfile/line.ts";
import { suggest } from "../dockerfile/suggest.ts";
import type { Finding } from "../dockerfile/warning.ts";
import type { BuildArguments, Expander, StageState } from "./instruction.ts";
import { SCAN_ARGS } from "./predefined_args.ts";
import { VersionedMap } from "./versioned_map.ts";

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
    variables: state.environment,
    isDeclared: (name) => SCAN_ARGS.has(name) || state.args.has(name),
    further: VersionedMap.of(),
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
    variables: build.globals,
    isDeclared: (name) => build.globals.has(name),
    further: VersionedMap.of(),
    build,
    explainMissing: (name) => {
      const near = suggest(name, build.globals.keys());
      const hint = near === undefined ? "" : ` (did you mean ${near}?)`;
      return { rule: "UndefinedArgInFrom", message: `FROM argument '${name}' is not declared${hint}` };
    },
  });
}

interface VariableExpanderFields extends ExpanderOptions {
  readonly variables: {
    get(name: string): string | undefined;
    keys(): Iterable<string>;
  };
  /** Arguments that are seen first. */
  readonly further: VersionedMap<string | undefined>;
  /** Tells whether a name may be used without having a value. */
  readonly isDeclared: (name: string) => boolean;
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
    this.#variables = { variable: (name) => this.variable(name), escape: fields.escape };
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
    return this.#fields.further.get(name) ?? this.#fields.variables.get(name);
  }

  with(name: string, value: string | undefined): Expander {
    const further = this.#fields.further.set(name, value ?? this.#fields.further.get(name));
    return new VariableExpander({ ...this.#fields, further });
  }

  warn(finding: Finding): void {
    this.#fields.onFinding?.(finding);
  }

  #noting<T extends Pick<Expansion, "missing">>(expansion: T): T {
    for (const name of expansion.missing) {
      const { further, variables, isDeclared } = this.#fields;
      if (further.has(name) || isDeclared(name)) continue;
      this.warn(this.#fields.explainMissing(name, [...variables.keys(), ...further.keys()]));
    }
    return expansion;
  }
}
