/**
 * The commands besides the build itself: one row each. Parsing and help read this table.
 *
 * A further command is a row here, a case in `command_line.ts` and a file of its own.
 *
 * @module
 */
import { bool, choiceWithDefault, type FlagTable, keyValue } from "./flag.ts";

/** One row. */
export interface Command {
  /** The words that name it. */
  readonly name: string;
  /** What follows the name: `FILE`. Empty when nothing does. */
  readonly usage: string;
  /** One line, a sentence without a final period. */
  readonly help: string;
  /** More for `help COMMAND`. */
  readonly details?: string;
  readonly flags: FlagTable;
  /** A command of kaniko that Kiln does not have yet. */
  readonly status?: "later";
}

const HELP = bool({ group: "General", short: "h", help: "Show this help" });

/** The flags of commands that have none of their own. */
export const NO_FLAGS = { "help": HELP } satisfies FlagTable;

/** The flags of `debug words`. */
export const WORDS_FLAGS = {
  "env": keyValue({ group: "Inputs", placeholder: "NAME=VALUE", help: "A variable the words may use; repeatable" }),
  "escape": choiceWithDefault({
    group: "Inputs",
    choices: ["\\", "`"],
    initial: "\\",
    placeholder: "CHAR",
    help: "The escape character, \\ or `",
  }),
  "help": HELP,
} satisfies FlagTable;

/** All of them, in the order of help. */
export const COMMANDS: readonly Command[] = [
  { name: "version", usage: "", help: "Show the version", flags: NO_FLAGS },
  { name: "help", usage: "[COMMAND]", help: "Show the help of a command", flags: NO_FLAGS },
  {
    name: "debug parse",
    usage: "FILE",
    help: "Show a Dockerfile as it was parsed",
    details: "Prints one instruction a line, as nested lists: the keyword in lower case, then every argument in " +
      "double quotes.",
    flags: NO_FLAGS,
  },
  {
    name: "debug words",
    usage: "[--env NAME=VALUE]... [--escape CHAR]",
    help: "Expand the words that are read from stdin",
    details: "Reads one word expression a line and prints, for each, the JSON array of expanded words, or " +
      '"error: " and what is wrong.',
    flags: WORDS_FLAGS,
  },
  { name: "login", usage: "REGISTRY", help: "Save credentials for a registry", flags: NO_FLAGS, status: "later" },
  { name: "push", usage: "PATH", help: "Push an image that was built before", flags: NO_FLAGS, status: "later" },
  { name: "completion", usage: "SHELL", help: "Write a shell completion script", flags: NO_FLAGS, status: "later" },
];
