/**
 * The commands besides the build itself: one row each. Parsing and help read this table.
 *
 * A further command is a row here, a case in `command_line.ts` and a file of its own.
 *
 * @module
 */
import { bool, choiceWithDefault, type FlagTable, keyValue, textWithDefault } from "./flag.ts";

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
  /** Takes the flags of a build as well. */
  readonly buildFlags?: true;
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

const OFFLINE = bool({
  group: "Registries",
  help: "Ask no registry: what only base images tell stays open",
});

/** The flags of `check` besides those of a build. */
export const CHECK_FLAGS = {
  "context": textWithDefault({
    group: "Inputs",
    short: "c",
    placeholder: "CONTEXT",
    initial: "",
    help: "The build context; the directory of the Dockerfile by default",
  }),
  "offline": OFFLINE,
  "require-bases": bool({
    group: "Registries",
    help: "Fail if the config of a base image cannot be had",
  }),
  "format": choiceWithDefault({
    group: "Outputs",
    choices: ["text", "json", "github"],
    initial: "text",
    help: "How to show what is found",
  }),
  "help": HELP,
} satisfies FlagTable;

/** The flags of `plan` besides those of a build. */
export const PLAN_FLAGS = {
  "offline": OFFLINE,
  "format": choiceWithDefault({ group: "Outputs", choices: ["text", "json"], initial: "text", help: "How to show it" }),
  "help": HELP,
} satisfies FlagTable;

/** All of them, in the order of help. */
export const COMMANDS: readonly Command[] = [
  {
    name: "check",
    usage: "[FLAG]... [PATH]...",
    help: "Check Dockerfiles and build nothing",
    details:
      "Builds nothing. Without --target all stages are checked. Base images are asked for their configs; where " +
      "that fails, what depends on them is left open and said. Exits with 0 if nothing was found, 1 if there are " +
      "warnings, 65 if a Dockerfile has an error. See docs/checks.md.",
    flags: CHECK_FLAGS,
    buildFlags: true,
  },
  {
    name: "plan",
    usage: "[FLAG]...",
    help: "Show what a build would do, and build nothing",
    details: "Pulls no layer and writes no file. Shows the stages, what is skipped and why, every instruction with " +
      "its variables replaced, and what is not known before the build. See docs/plan.md.",
    flags: PLAN_FLAGS,
    buildFlags: true,
  },
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
