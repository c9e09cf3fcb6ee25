/**
 * `docs/flags.md`, from the flag table.
 *
 * @module
 */
import { COMMANDS } from "../../lib/cli/commands.ts";
import { PROGRAM } from "../../lib/cli/command_line.ts";
import { ENVIRONMENT } from "../../lib/cli/environment.ts";
import { type Flag, FLAG_GROUPS, type FlagTable } from "../../lib/cli/flag.ts";
import { FLAGS } from "../../lib/cli/flags.ts";
import { code, formatName, line, sentences } from "./cells.ts";

/** Returns the whole text of `docs/flags.md`. */
export function formatFlagDocs(): string {
  return [
    "<!-- Written by scripts/write_docs.ts from lib/cli/flags.ts: change the table, then run `deno task docs`. -->",
    "",
    "# Flags, commands and environment variables",
    "",
    "Values are written as `--name=value` or `--name value`, short ones as `-n value`, `-nvalue` or `-n=value`. A",
    "boolean takes a value only after `=` (`--no-push=false`). A list is a repeated flag; commas in it mean nothing",
    "unless it is a comma list. Where a flag is repeated that is no list, the last one counts. `--` ends the flags.",
    "",
    "Every flag of kaniko is here. A mistake in a flag ends the program with exit code 64.",
    "",
    ...formatGroups(FLAGS),
    ...formatAccepted(),
    ...formatLater(),
    ...formatCommands(),
    ...formatEnvironment(),
  ].join("\n");
}

type Row = readonly [name: string, flag: Flag<unknown>];

function rowsOf(table: FlagTable, status: "supported" | "accepted" | "later"): readonly Row[] {
  return Object.entries(table).filter(([, flag]) => (flag.status ?? "supported") === status);
}

function formatGroups(table: FlagTable): string[] {
  const supported = rowsOf(table, "supported");
  return FLAG_GROUPS.flatMap((group) => {
    const rows = supported.filter(([, flag]) => flag.group === group);
    return rows.length === 0 ? [] : [`## ${group}`, "", ...formatTable(rows), ""];
  });
}

function formatTable(rows: readonly Row[]): string[] {
  return [
    "| flag | value | default | meaning |",
    "| --- | --- | --- | --- |",
    ...rows.map(([name, flag]) =>
      line([formatName(name, flag), formatKind(flag), code(flag.initialText), formatMeaning(flag)])
    ),
  ];
}

function formatAccepted(): string[] {
  return [
    "## Accepted without effect",
    "",
    "What these ask for is always so. Their values are checked all the same.",
    "",
    ...formatTable(rowsOf(FLAGS, "accepted")),
    "",
  ];
}

function formatLater(): string[] {
  return [
    "## Not supported yet",
    "",
    "kaniko has these. Using one is an error that names it, as passing over it would build something else. False, 0 and",
    "an empty value ask for nothing and pass.",
    "",
    "| flag | value | meaning |",
    "| --- | --- | --- |",
    ...rowsOf(FLAGS, "later").map(([name, flag]) =>
      line([formatName(name, flag), formatKind(flag), formatMeaning(flag)])
    ),
    "",
  ];
}

function formatCommands(): string[] {
  return [
    "## Commands",
    "",
    "| command | meaning |",
    "| --- | --- |",
    ...COMMANDS.map(({ name, usage, help, details, status }) =>
      line([
        code(`${PROGRAM} ${name} ${usage}`.trim()),
        status === "later" ? `Not supported yet. ${help}.` : sentences(help, details),
      ])
    ),
    "",
  ];
}

function formatEnvironment(): string[] {
  const twins = Object.entries(FLAGS as FlagTable).flatMap(([name, { environment, status }]) =>
    environment === undefined ? [] : [{ name: environment.name, help: formatTwin(name, environment.rule, status) }]
  );
  const others = ENVIRONMENT.map(({ name, help, status }) => ({
    name,
    help: status === "later" ? `Not supported yet: a warning. ${help}.` : `${help}.`,
  }));
  return [
    "## Environment variables",
    "",
    "An empty variable counts as not set.",
    "",
    "| variable | meaning |",
    "| --- | --- |",
    ...[
      ...others.filter(({ help }) => !help.startsWith("Not")),
      ...twins,
      ...others.filter(({ help }) => help.startsWith("Not")),
    ]
      .map(({ name, help }) => line([code(name), help])),
    "",
  ];
}

function formatTwin(flag: string, rule: "beats the flag" | "is the default", status: string | undefined): string {
  if (status === "later") return `As \`--${flag}\`: not supported yet, an error.`;
  return rule === "beats the flag"
    ? `As \`--${flag}\`, and wins over it.`
    : `As \`--${flag}\`, when that is not given.`;
}

function formatKind(flag: Flag<unknown>): string {
  return flag.kind === "bool" ? "bool" : `${flag.kind}: ${code(flag.placeholder)}`;
}

function formatMeaning({ help, details, kaniko, aliases = [], deprecated, own }: Flag<unknown>): string {
  return [
    sentences(help, details),
    ...(kaniko === undefined ? [] : [kaniko]),
    ...(aliases.length === 0 ? [] : [`Old name: ${aliases.map((alias) => code(`--${alias}`)).join(", ")}.`]),
    ...(deprecated === undefined ? [] : [`Deprecated: ${deprecated}.`]),
    ...(own === true ? ["Not in kaniko."] : []),
  ].join(" ");
}
