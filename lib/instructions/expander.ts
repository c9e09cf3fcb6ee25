/**
 * Variables of a stage, of a build's globals, and what expands words with them.
 *
 * @module
 */
import { expandBody, expandWord, expandWords, type Variables } from "../dockerfile/expand_word.ts";
import type { Escape } from "../dockerfile/line.ts";
import type { BuildArguments, Expander, StageState } from "./instruction.ts";
import type { MissingVariable } from "./missing_variable.ts";
import { SCAN_ARGS } from "./predefined_args.ts";
import { VersionedMap } from "./versioned_map.ts";

/** How to expand. */
export interface ExpanderOptions {
  /** The escape character of the file being built, also for triggers that came from elsewhere. */
  readonly escape: Escape;
  /** Receives each variable that is not set; absent: nobody wants to know. */
  readonly onMissing?: (variable: MissingVariable) => void;
}

/** Returns an expander over what a stage has gathered so far. */
export function createExpander(state: StageState, options: ExpanderOptions): Expander {
  return new VariableExpander({
    ...options,
    variables: state.environment,
    isDeclared: (name) => SCAN_ARGS.has(name) || state.args.has(name),
    further: VersionedMap.of(),
    build: state.build,
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
  });
}

interface VariableExpanderFields extends ExpanderOptions {
  readonly variables: { get(name: string): string | undefined; keys(): Iterable<string> };
  /** Arguments that are seen first. */
  readonly further: VersionedMap<string | undefined>;
  /** Tells whether a name may be used without having a value. */
  readonly isDeclared: (name: string) => boolean;
  readonly build: BuildArguments;
}

class VariableExpander implements Expander {
  readonly build: BuildArguments;
  readonly #fields: VariableExpanderFields;

  constructor(fields: VariableExpanderFields) {
    this.build = fields.build;
    this.#fields = fields;
  }

  word(text: string): string {
    return expandWord(text, this.#variables({ isQuiet: false })).text;
  }

  words(text: string): readonly string[] {
    return expandWords(text, this.#variables({ isQuiet: true })).words;
  }

  body(text: string): string {
    return expandBody(text, this.#variables({ isQuiet: false })).text;
  }

  variable(name: string): string | undefined {
    return this.#fields.further.get(name) ?? this.#fields.variables.get(name);
  }

  with(name: string, value: string | undefined): Expander {
    const further = this.#fields.further.set(name, value ?? this.#fields.further.get(name));
    return new VariableExpander({ ...this.#fields, further });
  }

  #variables({ isQuiet }: { readonly isQuiet: boolean }): Variables {
    return {
      escape: this.#fields.escape,
      variable: (name) => {
        const value = this.variable(name);
        if (value === undefined) this.#note(name, isQuiet);
        return value;
      },
    };
  }

  #note(name: string, isQuiet: boolean): void {
    const { further, variables, isDeclared, onMissing } = this.#fields;
    onMissing?.({
      name,
      isQuiet,
      isDeclared: further.has(name) || isDeclared(name),
      isGlobal: this.build.globals.get(name) !== undefined,
      known: () => [...variables.keys(), ...further.keys()],
    });
  }
}
