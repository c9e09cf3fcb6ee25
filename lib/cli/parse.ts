/**
 * Arguments and environment to the values of a flag table, by the rules of Go's pflag, which kaniko's scripts rely on.
 *
 * - `--name=value`, `--name value`, `-f value`, `-f=value`, `-fvalue`; a value may start with a dash.
 * - A boolean takes its value only after `=`; `--name value` leaves `value` behind as an argument.
 * - Flags and arguments may be mixed; `--` ends the flags; `-` is an argument.
 * - Of a repeated flag the kind decides what counts: lists grow, for others the last one wins.
 *
 * One form is refused that pflag reads: `-destination=x`, which it takes for `-d estination=x`.
 *
 * @module
 */
import { KilnError } from "../errors.ts";
import type { Level } from "../report/report.ts";
import type { Flag, FlagTable, FlagValues } from "./flag.ts";
import { BOOLEAN_WORDS } from "../dockerfile/values/boolean.ts";
import { suggest } from "./suggest.ts";

/** Something to tell the user once there is a report. */
export interface Notice {
  readonly level: Level;
  readonly text: string;
}

/** What a command line says. */
export interface ParsedFlags<T extends FlagTable> {
  readonly values: FlagValues<T>;
  /** The flags that the command line or the environment set. */
  readonly given: ReadonlySet<string>;
  /** What is no flag, in order. */
  readonly positionals: readonly string[];
  /** With `stopAtPositional`: the first positional, if it stands before any `--`, and the arguments after it. */
  readonly stoppedAt?: { readonly word: string; readonly rest: readonly string[] };
  readonly notices: readonly Notice[];
}

/** How to parse. */
export interface ParseOptions {
  /** Reads an environment variable, for flags that have one. */
  env(name: string): string | undefined;
  /** The command, for messages: `executor`. */
  readonly command: string;
  /** Ends at the first argument that is no flag, which then names a command. */
  readonly stopAtPositional?: true;
}

/**
 * Parses the arguments of one command.
 *
 * @throws {KilnError} kind `usage`, naming the flag as it was typed.
 */
export function parseFlags<T extends FlagTable>(
  args: readonly string[],
  table: T,
  options: ParseOptions,
): ParsedFlags<T> {
  const reading = new FlagReading(table, options);
  let at = 0;
  while (at < args.length) {
    const arg = args[at++] ?? "";
    if (arg === "--") {
      reading.positionals.push(...args.slice(at));
      break;
    }
    if (!arg.startsWith("-") || arg === "-") {
      if (options.stopAtPositional === true) {
        reading.stoppedAt = { word: arg, rest: args.slice(at) };
        break;
      }
      reading.positionals.push(arg);
      continue;
    }
    const next = args[at];
    const used = arg.startsWith("--") ? reading.long(arg, next) : reading.shorts(arg, next);
    if (used === "next") at++;
  }
  reading.environment();
  return reading.finish();
}

/** Whether the argument after a flag was its value. */
type Used = "this" | "next";

/** The state of one call of {@link parseFlags}. */
class FlagReading<T extends FlagTable> {
  readonly positionals: string[] = [];
  stoppedAt: ParsedFlags<T>["stoppedAt"];
  readonly #table: T;
  readonly #options: ParseOptions;
  readonly #values = new Map<string, unknown>();
  readonly #notices: Notice[] = [];
  readonly #aliases: ReadonlyMap<string, string>;
  readonly #letters: ReadonlyMap<string, string>;

  constructor(table: T, options: ParseOptions) {
    this.#table = table;
    this.#options = options;
    const rows = Object.entries(table);
    this.#aliases = new Map(
      rows.flatMap(([name, flag]) => (flag.aliases ?? []).map((alias) => [alias, name] as const)),
    );
    this.#letters = new Map(rows.flatMap(([name, flag]) => flag.short === undefined ? [] : [[flag.short, name]]));
  }

  /** Reads `--name` or `--name=value`. */
  long(arg: string, next: string | undefined): Used {
    const equals = arg.indexOf("=");
    const typed = equals < 0 ? arg.slice(2) : arg.slice(2, equals);
    if (typed === "" || typed.startsWith("-")) throw usage(`Cannot parse "${arg}": it is not a flag`);
    const name = this.#aliases.get(typed) ?? typed;
    const flag = this.#flag(name);
    if (flag === undefined) throw this.#unknown(`--${typed}`, typed);
    if (name !== typed) this.#warn(`--${typed} is the old name of --${name}: use --${name}`);
    const value = equals < 0 ? undefined : arg.slice(equals + 1);
    return this.#take({ name, flag, typed: `--${typed}` }, value, next);
  }

  /** Reads `-f`, `-fvalue`, `-f=value`, or several booleans in one word. */
  shorts(arg: string, next: string | undefined): Used {
    const word = arg.slice(1).split("=", 1)[0] ?? "";
    if (word.length > 1 && (this.#flag(word) !== undefined || this.#aliases.has(word))) {
      throw usage(`Cannot parse "${arg}": a flag of several letters takes two dashes`, `write "-${arg}"`);
    }
    for (let at = 1; at < arg.length; at++) {
      const letter = arg.charAt(at);
      const name = this.#letters.get(letter);
      const flag = name === undefined ? undefined : this.#flag(name);
      if (name === undefined || flag === undefined) throw this.#unknown(`-${letter}`, undefined, arg);
      const rest = arg.slice(at + 1);
      const found = { name, flag, typed: `-${letter}` };
      if (rest.startsWith("=")) return this.#take(found, rest.slice(1), next);
      if (flag.kind !== "bool") return this.#take(found, rest === "" ? undefined : rest, next);
      this.#take(found, undefined, next);
    }
    return "this";
  }

  /** Sets flags from their environment variables. */
  environment(): void {
    for (const [name, flag] of Object.entries(this.#table)) {
      const variable = flag.environment;
      const value = variable === undefined ? undefined : this.#options.env(variable.name);
      if (variable === undefined || value === undefined || value === "") continue;
      if (variable.rule === "is the default") {
        if (this.#values.has(name)) continue;
        const reading = flag.read(value, undefined);
        if ("refusal" in reading) {
          // kaniko takes the flag's own default here, so a pipeline with such a variable must go on working.
          this.#warn(`${variable.name} ${JSON.stringify(value)} is ignored: ${reading.refusal}`);
          continue;
        }
      }
      this.#values.delete(name);
      this.#set({ name, flag, typed: variable.name }, value);
    }
  }

  finish(): ParsedFlags<T> {
    const values = Object.fromEntries(
      Object.entries(this.#table).map((
        [name, flag],
      ) => [name, this.#values.has(name) ? this.#values.get(name) : flag.initial]),
    );
    return {
      // Each value was read by its own row, whose type is the one that FlagValues gives the name.
      values: values as FlagValues<T>,
      given: new Set(this.#values.keys()),
      positionals: this.positionals,
      ...(this.stoppedAt === undefined ? {} : { stoppedAt: this.stoppedAt }),
      notices: this.#notices,
    };
  }

  #take(found: Found, value: string | undefined, next: string | undefined): Used {
    if (value !== undefined) return this.#set(found, value), "this";
    if (found.flag.kind === "bool") return this.#set(found, "true"), "this";
    if (next === undefined) throw usage(`Cannot parse "${found.typed}": its value is missing`);
    return this.#set(found, next), "next";
  }

  #set({ name, flag, typed }: Found, text: string): void {
    // Kinds whose occurrences add up see the ones before; the row itself decides.
    const reading = flag.read(text, this.#values.get(name));
    if ("refusal" in reading) {
      throw usage(`Cannot parse ${typed} ${JSON.stringify(text)}: ${reading.refusal}`, reading.hint);
    }
    if (flag.status === "later" && !asksForNothing(text, reading.value)) {
      throw usage(`Cannot use ${typed}: Kiln does not support it yet`);
    }
    if (flag.deprecated !== undefined) this.#warn(`${typed} is deprecated: ${flag.deprecated}`);
    if (flag.status === "accepted") this.#notices.push({ level: "debug", text: `${typed}: ${flag.help}` });
    this.#values.set(name, reading.value);
  }

  #flag(name: string): Flag<unknown> | undefined {
    // "constructor" and its like must not find what every object has.
    return Object.hasOwn(this.#table, name) ? this.#table[name] : undefined;
  }

  #unknown(typed: string, name: string | undefined, inside?: string): KilnError {
    const where = inside === undefined || inside === typed ? "" : ` in "${inside}"`;
    const similar = name === undefined ? undefined : suggest(name, Object.keys(this.#table));
    const hint = similar === undefined
      ? `"${this.#options.command} --help" lists the flags`
      : `did you mean "--${similar}"?`;
    return usage(`Cannot parse "${typed}"${where}: there is no such flag`, hint);
  }

  #warn(text: string): void {
    if (!this.#notices.some((notice) => notice.text === text)) this.#notices.push({ level: "warn", text });
  }
}

/** `--cache=false`, `--push-retry=0`, `--cache-repo=$UNSET`: what a flag that Kiln does not have cannot get wrong. */
function asksForNothing(text: string, value: unknown): boolean {
  return text === "" || value === false || value === 0;
}

interface Found {
  readonly name: string;
  readonly flag: Flag<unknown>;
  /** As the user wrote it, for messages. */
  readonly typed: string;
}

/**
 * Returns the error for arguments that nothing takes.
 *
 * `before` is the argument in front of the first one: after a boolean flag the user most likely meant its value.
 */
export function leftoverError(leftover: string, command: string, before: string | undefined): KilnError {
  const value = BOOLEAN_WORDS.includes(leftover) && before?.startsWith("-") === true;
  const hint = value
    ? `a boolean takes its value after "=": ${before}=${leftover}`
    : `"${command} --help" lists commands and flags`;
  return usage(`Cannot run "${leftover}": there is no such command`, hint);
}

function usage(message: string, hint?: string): KilnError {
  return new KilnError("usage", message, hint === undefined ? {} : { hint });
}
