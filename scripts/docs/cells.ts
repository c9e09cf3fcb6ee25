/**
 * Cells of tables in Markdown, and how flags look in them.
 *
 * @module
 */
import type { Flag } from "../../lib/cli/flag.ts";

/** The flag and its letter. */
export function formatName(name: string, flag: Flag<unknown>): string {
  return flag.short === undefined ? code(`--${name}`) : `${code(`--${name}`)}, ${code(`-${flag.short}`)}`;
}

/** A help text as a sentence, and more sentences after it. */
export function sentences(help: string, details: string | undefined): string {
  return details === undefined ? `${help}.` : `${help}. ${details}`;
}

/** A text as code. */
export function code(text: string): string {
  if (text === "") return "";
  return text.includes("`") ? `\`\` ${text} \`\`` : `\`${text}\``;
}

/** One row; a bar inside a cell would end the cell, also inside code. */
export function line(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`.replaceAll("|  |", "| |");
}
