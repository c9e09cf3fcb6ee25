/**
 * What CMD and ENTRYPOINT have in common: a command that is stored in the image, a shell form with the shell of this
 * moment in front (dockerfile.md 3.13).
 *
 * @module
 */
import { type Command, parseCommand } from "../dockerfile/arguments.ts";
import { parseFlags } from "../dockerfile/flags.ts";
import { goQuoteList } from "../dockerfile/go_quote.ts";
import type { LogicalLine } from "../dockerfile/line.ts";
import type { Node, StageState } from "./instruction.ts";
import { shellOf } from "./state.ts";

/** A parsed CMD or ENTRYPOINT. */
export interface CommandLineNode<K extends "CMD" | "ENTRYPOINT"> extends Node {
  readonly keyword: K;
  readonly command: Command;
}

/** Parses the line of a CMD or ENTRYPOINT. Without arguments it is an empty shell command. */
export function parseCommandLine<K extends "CMD" | "ENTRYPOINT">(keyword: K, line: LogicalLine): CommandLineNode<K> {
  parseFlags(line, {});
  return { keyword, line, command: parseCommand(line.rest) ?? { form: "shell", text: "" } };
}

/** Returns what is executed. */
export function commandLine(command: Command, state: StageState): readonly string[] {
  return command.form === "exec" ? command.argv : [...shellOf(state), command.text];
}

/** Returns the history text; the words are those the image now has. */
export function commandLineHistory(keyword: "CMD" | "ENTRYPOINT", words: readonly string[] | undefined): string {
  return `${keyword} ${goQuoteList(words ?? [])}`;
}
