/**
 * The command line as a whole: which command, and the values of its flags.
 *
 * As with kaniko, flags of the build do not go with another command.
 *
 * @module
 */
import { KilnError } from "../errors.ts";
import { CHECK_FLAGS, type Command, COMMANDS, NO_FLAGS, PLAN_FLAGS, WORDS_FLAGS } from "./commands.ts";
import type { FlagTable, FlagValues } from "./flag.ts";
import { type BuildFlags, FLAGS } from "./flags.ts";
import { leftoverError, type Notice, type ParsedFlags, parseFlags } from "./parse.ts";
import { suggest } from "./suggest.ts";

/** What the user wants done. */
export type Invocation =
  | { readonly command: "build"; readonly flags: BuildFlags; readonly notices: readonly Notice[] }
  | { readonly command: "version"; readonly bare: boolean }
  /** `about` is missing for the whole program. */
  | { readonly command: "help"; readonly about?: Command }
  | {
    readonly command: "check";
    readonly flags: BuildFlags & FlagValues<typeof CHECK_FLAGS>;
    /** Dockerfiles and contexts. */
    readonly inputs: readonly string[];
    readonly notices: readonly Notice[];
  }
  | {
    readonly command: "plan";
    readonly flags: BuildFlags & FlagValues<typeof PLAN_FLAGS>;
    readonly notices: readonly Notice[];
  }
  | { readonly command: "debug parse"; readonly file: string }
  | { readonly command: "debug words"; readonly flags: FlagValues<typeof WORDS_FLAGS> };

/** The name of the program in usage lines and messages. */
export const PROGRAM = "executor";

/** What parsing reads besides the arguments. */
export interface CommandLineWorld {
  env(name: string): string | undefined;
}

/**
 * Parses the arguments of the process.
 *
 * @throws {KilnError} kind `usage`.
 */
export function parseCommandLine(args: readonly string[], world: CommandLineWorld): Invocation {
  // Without the environment first: a variable that a build cannot use must not keep `--help` from working.
  const root = parseFlags(args, FLAGS, { env: () => undefined, command: PROGRAM, stopAtPositional: true });
  const [leftover] = root.positionals;
  if (leftover !== undefined) throw leftoverError(leftover, PROGRAM, undefined);
  if (root.values.help) return { command: "help" };
  if (root.values.version) return { command: "version", bare: true };
  if (root.stoppedAt === undefined) {
    const { values, notices } = parseFlags(args, FLAGS, { env: (name) => world.env(name), command: PROGRAM });
    return { command: "build", flags: values, notices };
  }

  const { word, rest } = root.stoppedAt;
  const before = args[args.length - rest.length - 2];
  if (!COMMANDS.some((command) => command.name.split(" ")[0] === word)) throw unknownCommand(word, before);
  if (before !== undefined) {
    throw usage(`Cannot run "${word}": flags stand in front of it, and the flags of a build do not go with a command`);
  }
  const { command, rest: own } = findCommand([word, ...rest]);
  return parseCommand(command, own, world);
}

/** Returns the command that the words begin with, and what follows its name. */
function findCommand(words: readonly string[]): { readonly command: Command; readonly rest: readonly string[] } {
  for (const command of COMMANDS) {
    const name = command.name.split(" ");
    if (name.every((part, at) => words[at] === part)) return { command, rest: words.slice(name.length) };
  }
  const [first = "", second] = words;
  const seconds = COMMANDS.map(({ name }) => name.split(" ")).flatMap(([one, two]) =>
    one === first && two !== undefined ? [two] : []
  );
  if (second === undefined || second.startsWith("-")) {
    throw usage(`Cannot run "${first}": it takes a second word`, `one of ${seconds.join(", ")}`);
  }
  const similar = suggest(second, seconds);
  throw usage(
    `Cannot run "${first} ${second}": there is no such command`,
    similar === undefined ? `one of ${seconds.join(", ")}` : `did you mean "${first} ${similar}"?`,
  );
}

function parseCommand(command: Command, args: readonly string[], world: CommandLineWorld): Invocation {
  if (command.status === "later") throw usage(`Cannot run "${command.name}": Kiln does not support this command yet`);
  switch (command.name) {
    case "help":
      return parseHelp(own(args, NO_FLAGS, command));
    case "version": {
      const { values, positionals } = own(args, NO_FLAGS, command);
      return helpIfAsked(values, command) ?? noArguments(positionals, command, { command: "version", bare: false });
    }
    case "check": {
      const { values, positionals, notices } = withBuild(args, CHECK_FLAGS, { command, world });
      return helpIfAsked(values, command) ?? { command: "check", flags: values, inputs: positionals, notices };
    }
    case "plan": {
      const { values, positionals, notices } = withBuild(args, PLAN_FLAGS, { command, world });
      return helpIfAsked(values, command) ??
        noArguments(positionals, command, { command: "plan", flags: values, notices });
    }
    case "debug parse": {
      const { values, positionals } = own(args, NO_FLAGS, command);
      const help = helpIfAsked(values, command);
      if (help !== undefined) return help;
      const [file, ...others] = positionals;
      if (file === undefined) throw usage(`Cannot run "debug parse": the file is missing`);
      return noArguments(others, command, { command: "debug parse", file });
    }
    case "debug words": {
      const { values, positionals } = own(args, WORDS_FLAGS, command);
      return helpIfAsked(values, command) ??
        noArguments(positionals, command, { command: "debug words", flags: values });
    }
  }
  throw new Error(`Unreachable: the command "${command.name}" is in the table and not in the parser`);
}

function own<T extends FlagTable>(args: readonly string[], table: T, command: Command): ParsedFlags<T> {
  return parseFlags(args, table, { env: () => undefined, command: `${PROGRAM} ${command.name}` });
}

/** For commands that take the flags of a build, and what sets them in the environment, besides their own. */
function withBuild<T extends FlagTable>(
  args: readonly string[],
  table: T,
  { command, world }: { readonly command: Command; readonly world: CommandLineWorld },
): ParsedFlags<typeof FLAGS & T> {
  const env = (name: string): string | undefined => world.env(name);
  return parseFlags(args, { ...FLAGS, ...table }, { env, command: `${PROGRAM} ${command.name}` });
}

function helpIfAsked(values: { readonly help: boolean }, about: Command): Invocation | undefined {
  return values.help ? { command: "help", about } : undefined;
}

function parseHelp({ positionals }: ParsedFlags<typeof NO_FLAGS>): Invocation {
  if (positionals.length === 0) return { command: "help" };
  if (!COMMANDS.some((command) => command.name.split(" ")[0] === positionals[0])) {
    throw unknownCommand(positionals[0] ?? "", undefined);
  }
  const { command, rest } = findCommand(positionals);
  return noArguments(rest, command, { command: "help", about: command });
}

function noArguments(positionals: readonly string[], command: Command, invocation: Invocation): Invocation {
  const [extra] = positionals;
  if (extra === undefined) return invocation;
  throw usage(`Cannot run "${command.name}" with "${extra}": it takes no such argument`);
}

function unknownCommand(word: string, before: string | undefined): KilnError {
  const similar = suggest(word, COMMANDS.map((command) => command.name));
  if (similar !== undefined) {
    return usage(`Cannot run "${word}": there is no such command`, `did you mean "${similar}"?`);
  }
  return leftoverError(word, PROGRAM, before);
}

function usage(message: string, hint?: string): KilnError {
  return new KilnError("usage", message, hint === undefined ? {} : { hint });
}
