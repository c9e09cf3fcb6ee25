/**
 * What a flag is: a row of a flag table, and the kinds of values a flag can take.
 *
 * A table is an object of rows, one per flag, under the flag's name. Each function below makes a row of one kind; the
 * kind knows how a value is read and how repeated flags add up, so a table is all that parsing, help, documentation
 * and suggestions need.
 *
 * @module
 */
import { parseBoolean } from "../dockerfile/values/boolean.ts";
import { parseGoCsv, parseGoDuration, parseGoInteger } from "./go_values.ts";

/** The headings under which help and documentation list flags, in this order. */
export const FLAG_GROUPS = [
  "Inputs",
  "Image",
  "Outputs",
  "Registries",
  "Isolation",
  "Cache",
  "Logging",
  "General",
  "Compatibility",
] as const;

/** One of the headings. */
export type FlagGroup = typeof FLAG_GROUPS[number];

/**
 * How far Kiln goes with a flag:
 * - `supported`: does what its help says.
 * - `accepted`: is read and checked and changes nothing, because what it asks for is always so. `why` says why.
 * - `later`: a kaniko flag that Kiln does not have yet. Using it is an error, as silence would build something else.
 *   False, 0 and an empty value ask for nothing and pass.
 */
export type FlagStatus = "supported" | "accepted" | "later";

/** An environment variable that sets a flag. An empty variable counts as not set. */
export interface FlagEnvironment {
  readonly name: string;
  /** Whether the variable beats the flag or only stands in for it. */
  readonly rule: "beats the flag" | "is the default";
}

/** What a row says in words. */
export interface FlagText {
  readonly group: FlagGroup;
  /** One line, a sentence without a final period. */
  readonly help: string;
  /** More sentences for `docs/flags.md`: limits and interactions. */
  readonly details?: string;
  /** How it differs from kaniko's flag of that name, or for one that is refused, how to do without; sentences. */
  readonly kaniko?: string;
  /** The letter of the short form. */
  readonly short?: string;
  /** Absent: `supported`. */
  readonly status?: FlagStatus;
  readonly environment?: FlagEnvironment;
  /** Old names that still work, with a warning. */
  readonly aliases?: readonly string[];
  /** Set for a flag that works but should not be used, with what to use in its place. */
  readonly deprecated?: string;
  /** Kiln's own, unknown to kaniko. */
  readonly own?: true;
}

/** The kinds of values, as the documentation names them. */
export type FlagKind = "bool" | "string" | "list" | "key=value" | "comma list" | "integer" | "duration" | "choice";

/** What a kind makes of one occurrence of a flag. */
export type Reading<V> =
  | { readonly value: V }
  /** Ends the sentence `Cannot parse --flag "text": ...`. */
  | { readonly refusal: string; readonly hint?: string };

/** One row: a flag with values of type `V`. */
export interface Flag<V> extends FlagText {
  readonly kind: FlagKind;
  /** What stands for the value in help: `PATH`. Empty for booleans. */
  readonly placeholder: string;
  /** The value when the flag is not given. */
  readonly initial: V;
  /** The value when the flag is not given, in words; empty where there is none worth saying. */
  readonly initialText: string;
  /** Reads one occurrence; `before` is what the occurrences before it came to, or undefined for the first. */
  read(text: string, before: V | undefined): Reading<V>;
}

/** The flags of one command, by name. */
export type FlagTable = Readonly<Record<string, Flag<unknown>>>;

/** The values of all flags of a table. */
export type FlagValues<T extends FlagTable> = {
  readonly [N in keyof T]: T[N] extends Flag<infer V> ? V : never;
};

/** What most kinds need besides the words. */
export interface ValueText extends FlagText {
  readonly placeholder: string;
}

/** A boolean: `--name` or `--name=true`, never `--name true`. */
export function bool(row: FlagText & { readonly initial?: boolean }): Flag<boolean> {
  const initial = row.initial ?? false;
  return {
    ...row,
    kind: "bool",
    placeholder: "",
    initial,
    initialText: initial ? "true" : "",
    read: (text) => {
      const value = parseBoolean(text);
      return value === undefined ? { refusal: "it is neither true nor false" } : { value };
    },
  };
}

/** A text; the last one counts. An empty text is the same as no flag, as in kaniko. */
export function text(row: ValueText): Flag<string | undefined> {
  return {
    ...row,
    kind: "string",
    initial: undefined,
    initialText: "",
    read: (text) => ({ value: text === "" ? undefined : text }),
  };
}

/** A text with a default; the last one counts. An empty text is kept. */
export function textWithDefault(row: ValueText & { readonly initial: string }): Flag<string> {
  return { ...row, kind: "string", initialText: row.initial, read: (text) => ({ value: text }) };
}

/** A text that may be given many times; commas are part of the text. */
export function list(row: ValueText): Flag<readonly string[]> {
  return {
    ...row,
    kind: "list",
    initial: [],
    initialText: "",
    read: (text, before = []) => ({ value: [...before, text] }),
  };
}

/** `key=value`, split at the first `=`, many times; the last value of a key counts. */
export function keyValue(row: ValueText): Flag<ReadonlyMap<string, string>> {
  return {
    ...row,
    kind: "key=value",
    initial: new Map(),
    initialText: "",
    read: (text, before = new Map()) => {
      const equals = text.indexOf("=");
      if (equals < 0) return { refusal: `it has no "="` };
      if (equals === 0) return { refusal: `nothing stands before the "="` };
      return { value: new Map([...before, [text.slice(0, equals), text.slice(equals + 1)]]) };
    },
  };
}

/** Comma-separated values, many times. */
export function commaList(row: ValueText): Flag<readonly string[]> {
  return {
    ...row,
    kind: "comma list",
    initial: [],
    initialText: "",
    read: (text, before = []) => {
      const values = parseGoCsv(text);
      return values === undefined ? { refusal: "its quotes do not pair up" } : { value: [...before, ...values] };
    },
  };
}

/** An integer; the last one counts. */
export function integer(row: ValueText & { readonly initial: number }): Flag<number> {
  return {
    ...row,
    kind: "integer",
    initialText: String(row.initial),
    read: (text) => {
      const value = parseGoInteger(text);
      return value === undefined ? { refusal: "it is not an integer" } : { value };
    },
  };
}

/** A duration in milliseconds; the last one counts. */
export function duration(row: ValueText & { readonly initial: string }): Flag<number> {
  return {
    ...row,
    kind: "duration",
    initial: parseGoDuration(row.initial) ?? 0,
    initialText: row.initial,
    read: (text) => {
      const value = parseGoDuration(text);
      if (value !== undefined) return { value };
      return { refusal: "it is not a duration", hint: 'write it with units, such as "90m", "24h" or "1h30m"' };
    },
  };
}

/** One of some words; the last one counts. An empty text is the same as no flag. */
export function choice<const C extends string>(
  row: FlagText & { readonly choices: readonly C[]; readonly placeholder?: string },
): Flag<C | undefined> {
  return {
    ...row,
    kind: "choice",
    placeholder: row.placeholder ?? row.choices.join("|"),
    initial: undefined,
    initialText: "",
    read: (text) => text === "" ? { value: undefined } : readChoice(text, row.choices),
  };
}

/** One of some words with a default; the last one counts. */
export function choiceWithDefault<const C extends string>(
  row: FlagText & {
    readonly choices: readonly C[];
    readonly initial: NoInfer<C>;
    readonly placeholder?: string;
    /** Whether upper and lower case are the same. */
    readonly anyCase?: true;
  },
): Flag<C> {
  return {
    ...row,
    kind: "choice",
    placeholder: row.placeholder ?? row.choices.join("|"),
    initialText: row.initial,
    read: (text) => readChoice(row.anyCase === true ? text.toLowerCase() : text, row.choices),
  };
}

function readChoice<C extends string>(text: string, choices: readonly C[]): Reading<C> {
  const value = choices.find((word) => word === text);
  return value === undefined ? { refusal: `it is not one of ${choices.join(", ")}` } : { value };
}
