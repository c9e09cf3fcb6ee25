/**
 * The text of `--help`, for a terminal of 80 columns.
 *
 * @module
 */
import { type Command, COMMANDS } from "./commands.ts";
import { PROGRAM } from "./command_line.ts";
import { type Flag, FLAG_GROUPS, type FlagTable } from "./flag.ts";
import { FLAGS } from "./flags.ts";

/** No line of help is longer. */
const COLUMNS = 80;
/** Where the explanation of a flag starts. */
const EXPLANATION = 33;

/** Returns the help of the program, or of one command. */
export function formatHelp(about?: Command): string {
  return about === undefined ? formatProgramHelp() : formatCommandHelp(about);
}

function formatProgramHelp(): string {
  const later = Object.entries(FLAGS).flatMap(([name, flag]) => flagStatus(flag) === "later" ? [`--${name}`] : []);
  const laterCommands = COMMANDS.flatMap(({ name, status }) => status === "later" ? [name] : []);
  return [
    "Kiln builds a container image from a Dockerfile, without a daemon.",
    "",
    "Usage:",
    `  ${PROGRAM} --context DIR --destination IMAGE [FLAG]...`,
    `  ${PROGRAM} COMMAND`,
    "",
    "Commands:",
    ...COMMANDS.filter(({ status }) => status !== "later").flatMap(({ name, usage, help }) =>
      explain(`${name} ${usage.startsWith("[--") ? "[FLAG]..." : usage}`.trim(), help)
    ),
    "",
    ...formatFlags(FLAGS),
    'A boolean takes its value after "=": --no-push=false. All flags in full, and the',
    "environment variables: docs/flags.md.",
    "",
    "Not supported yet, using one is an error:",
    ...wrap(`${later.join(", ")}; the commands ${laterCommands.join(", ")}`, "  ", COLUMNS),
    "",
  ].join("\n");
}

function formatCommandHelp({ name, usage, help, details, flags, buildFlags }: Command): string {
  return [
    `${help}.`,
    "",
    ...(details === undefined ? [] : [...wrap(details, "", COLUMNS), ""]),
    "Usage:",
    `  ${PROGRAM} ${name} ${usage}`.trimEnd(),
    "",
    ...formatFlags(flags),
    ...(buildFlags ? [`The flags of a build count as well: see ${PROGRAM} --help.`, ""] : []),
  ].join("\n");
}

/** Returns the supported and accepted flags under their headings, an empty line after each group. */
function formatFlags(table: FlagTable): string[] {
  return FLAG_GROUPS.flatMap((group) => {
    const rows = Object.entries(table).filter(([, flag]) => flag.group === group && flagStatus(flag) !== "later");
    return rows.length === 0 ? [] : [`${group}:`, ...rows.flatMap(([name, flag]) => formatFlag(name, flag)), ""];
  });
}

function formatFlag(name: string, flag: Flag<unknown>): string[] {
  const short = flag.short === undefined ? "    " : `-${flag.short}, `;
  const value = flag.placeholder === "" ? "" : ` ${flag.placeholder}`;
  const notes = [
    ...(flag.initialText === "" || flagStatus(flag) === "accepted" ? [] : [`default ${flag.initialText}`]),
    ...(flag.deprecated === undefined ? [] : [`deprecated: ${flag.deprecated}`]),
  ];
  return explain(`${short}--${name}${value}`, flag.help + (notes.length === 0 ? "" : ` (${notes.join("; ")})`));
}

/** Puts an explanation beside a term, or below it when the term is long. */
function explain(term: string, explanation: string): string[] {
  const lines = wrap(explanation, " ".repeat(EXPLANATION), COLUMNS);
  const head = `  ${term}`;
  if (head.length + 2 > EXPLANATION) return [head, ...lines];
  const [first = "", ...others] = lines;
  return [head + first.slice(head.length), ...others];
}

function wrap(text: string, indent: string, columns: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && indent.length + line.length + 1 + word.length > columns) {
      lines.push(indent + line);
      line = "";
    }
    line += line === "" ? word : ` ${word}`;
  }
  return [...lines, indent + line];
}

function flagStatus(flag: { readonly status?: string }): string {
  return flag.status ?? "supported";
}
