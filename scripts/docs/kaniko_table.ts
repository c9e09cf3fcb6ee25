/**
 * The table of `docs/coming-from-kaniko.md`: what became of every flag of kaniko. The rest of that page is written by
 * hand, around the two comments that the table stands between.
 *
 * @module
 */
import { COMMANDS } from "../../lib/cli/commands.ts";
import { PROGRAM } from "../../lib/cli/command_line.ts";
import type { Flag, FlagStatus, FlagTable } from "../../lib/cli/flag.ts";
import { FLAGS } from "../../lib/cli/flags.ts";
import { code, formatName, line } from "./cells.ts";

const BEGIN = "<!-- deno-fmt-ignore-start -->";
const END = "<!-- deno-fmt-ignore-end -->";

/**
 * Returns the page with the table as it should be.
 *
 * @throws {Error} if the page has no place for it.
 */
export function withKanikoTable(page: string): string {
  const [begin, end] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error(`Cannot write the table of kaniko's flags: no line says "${BEGIN}"`);
  return `${page.slice(0, begin)}${BEGIN}\n\n${formatKanikoTable()}\n${page.slice(end)}`;
}

/** Returns the table. */
export function formatKanikoTable(): string {
  const flags = Object.entries(FLAGS as FlagTable).filter(([name, { own }]) => own !== true && name !== "help");
  const rows = flags.map((
    [name, flag],
  ) => [formatName(name, flag), WORDS[flag.status ?? "supported"], formatNote(flag)]);
  const commands = COMMANDS.filter(({ status }) => status === "later").map((
    { name, usage },
  ) => [code(`${PROGRAM} ${name} ${usage}`), WORDS.later, REASON]);
  return [
    "| kaniko's flag | here | what differs, or why it is refused |",
    "| --- | --- | --- |",
    ...[...rows, ...commands].map((cells) => line(cells)),
    "",
  ].join("\n");
}

const WORDS: Readonly<Record<FlagStatus, string>> = {
  supported: "supported",
  accepted: "always on",
  later: "refused",
};

const REASON = "Not there yet.";

/** What `accepted` flags say of themselves in help. */
const NO_EFFECT = "No effect: ";

function formatNote({ status, help, kaniko, aliases = [], deprecated }: Flag<unknown>): string {
  return [
    ...(status === "later" ? [REASON] : []),
    ...(status === "accepted" ? [`${upperFirst(help.replace(NO_EFFECT, ""))}.`] : []),
    ...(kaniko === undefined ? [] : [kaniko]),
    ...(aliases.length === 0
      ? []
      : [`${aliases.map((alias) => code(`--${alias}`)).join(", ")} is the same, with a warning.`]),
    ...(deprecated === undefined ? [] : [`Deprecated: ${deprecated}.`]),
  ].join(" ");
}

function upperFirst(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
