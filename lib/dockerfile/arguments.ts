/**
 * The shapes of arguments (dockerfile.md 1.6): small functions that instructions choose from. What an argument means is
 * the instruction's business.
 *
 * @module
 */
import { KilnError } from "../errors.ts";
import { parseJsonArray } from "./json_array.ts";
import type { LogicalLine } from "./line.ts";
import { splitQuotedWords } from "./quoted_words.ts";
import { cutBlanks, isSpace, splitBlanks } from "./white_space.ts";

/** A command: a JSON array, or text for a shell. */
export type Command =
  | { readonly form: "exec"; readonly argv: readonly string[] }
  | { readonly form: "shell"; readonly text: string };

/** One name and value of ENV or LABEL, quotes and escapes still in place. */
export interface NameValue {
  readonly name: string;
  readonly value: string;
  /** `K V` instead of `K=V`. */
  readonly legacy: boolean;
}

/** RUN, CMD, ENTRYPOINT, SHELL: JSON if it parses, else all of the text; undefined when there is none. */
export function parseCommand(text: string): Command | undefined {
  if (text === "") return undefined;
  const argv = parseJsonArray(text);
  return argv === undefined ? { form: "shell", text } : { form: "exec", argv };
}

/** ADD, COPY, VOLUME: JSON if it parses, else words between blanks; quotes protect nothing. */
export function parsePaths(text: string): { readonly json: boolean; readonly words: readonly string[] } {
  const words = parseJsonArray(text);
  return words === undefined ? { json: false, words: parseWords(text) } : { json: true, words };
}

/** FROM, EXPOSE: words between blanks. */
export function parseWords(text: string): readonly string[] {
  return text === "" ? [] : splitBlanks(text);
}

/**
 * ENV, LABEL. The first word decides: with `=` in it every word is `name=value`, else the rest of the line is the value.
 *
 * @throws {KilnError} kind `dockerfile`, if a value or an `=` is missing.
 */
export function parseNameValues(line: LogicalLine): readonly NameValue[] {
  const words = splitQuotedWords(line.rest, line.escape);
  if (words[0] === undefined) return [];
  if (!words[0].includes("=")) {
    const [name, value] = cutBlanks(line.rest);
    if (value === undefined) throw badArgument(line, `"${name}" has no value`, `write ${line.keyword} ${name}=value`);
    return [{ name, value, legacy: true }];
  }
  return words.map((word) => {
    const equals = word.indexOf("=");
    if (equals < 0) {
      const hint = "every word must be name=value; put values with blanks in quotes";
      throw badArgument(line, `"${word}" has no "="`, hint);
    }
    return { name: word.slice(0, equals), value: word.slice(equals + 1), legacy: false };
  });
}

/** ARG: quoted words. */
export function parseQuotedWords(line: LogicalLine): readonly string[] {
  return splitQuotedWords(line.rest, line.escape);
}

/** HEALTHCHECK: a first word, then a command or nothing. */
export function parseCheck(text: string): { readonly type: string; readonly command: Command | undefined } | undefined {
  if (text === "") return undefined;
  let end = 0;
  while (end < text.length && !isSpace(text.charAt(end))) end++;
  let start = end;
  while (start < text.length && isSpace(text.charAt(start))) start++;
  return { type: text.slice(0, end), command: parseCommand(text.slice(start)) };
}

/** WORKDIR, USER, STOPSIGNAL, MAINTAINER: exactly one argument, which is the rest of the line. */
export function oneArgument(line: LogicalLine): string {
  if (line.rest === "") throw badArgument(line, "it needs exactly one argument");
  return line.rest;
}

/** Returns the error for arguments that an instruction cannot take. */
export function badArgument(line: LogicalLine, state: string, hint?: string): KilnError {
  const options = hint === undefined ? {} : { hint };
  return new KilnError("dockerfile", `Cannot parse ${line.keyword}: ${state}`, options);
}
