/**
 * `executor debug words`: expands texts with given variables and shows the words they become (decisions.md 14).
 *
 * @module
 */
import { KilnError } from "../errors.ts";
import { expandWords } from "./expand_word.ts";
import type { Escape } from "./line.ts";

/**
 * Expands every line of `input` and returns as many lines: the JSON array of its words, or `error: ` and the reason.
 */
export function debugWords(
  input: string,
  options: { readonly environment: ReadonlyMap<string, string>; readonly escape: Escape },
): string {
  const lines = input.split("\n");
  if (lines.at(-1) === "") lines.pop();
  const variables = { variable: (name: string) => options.environment.get(name), escape: options.escape };
  return lines.map((line) => `${wordsOf(line, variables)}\n`).join("");
}

function wordsOf(line: string, variables: Parameters<typeof expandWords>[1]): string {
  try {
    return JSON.stringify(expandWords(line, variables).words);
  } catch (error) {
    if (!(error instanceof KilnError)) throw error;
    return `error: ${error.message}`;
  }
}
