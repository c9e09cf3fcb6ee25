/**
 * Heredocs: finding them in a logical line, and what their words mean (dockerfile.md 1.7).
 *
 * The escape character here is always the backslash, whatever the file chose.
 *
 * @module
 */
import { KilnError } from "../errors.ts";
import type { Heredoc } from "./line.ts";
import { lexWords, type WordLexerOptions } from "./word_lexer.ts";

/** What a heredoc word says. */
export type HeredocWord = Pick<Heredoc, "name" | "expand" | "stripTabs" | "word">;

const FORM = /^[0-9]*<<(-?)[\t\n\f\r ]*([^<]*)$/;

const LEXER = {
  escape: "\\",
  variable: () => undefined,
  keepUnset: true,
  limit: Infinity,
} as const satisfies Partial<WordLexerOptions>;

/**
 * Returns the heredocs that a logical line opens, in order. A line or word whose quotes are not balanced opens none: it
 * is the shell's to read.
 */
export function findHeredocs(line: string): readonly HeredocWord[] {
  const words = unlessUnreadable(() => lexWords(line, { ...LEXER, raw: "quotes and escapes" }).words) ?? [];
  return words.map((word) => unlessUnreadable(() => parseHeredocWord(word))).filter((word) => word !== undefined);
}

function unlessUnreadable<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof KilnError) return undefined;
    throw error;
  }
}

/**
 * Reads one word such as `3<<-"EOF"`; undefined if it is not a heredoc.
 *
 * @throws {KilnError} kind `dockerfile`, if its quotes are not balanced.
 */
export function parseHeredocWord(word: string): HeredocWord | undefined {
  const found = FORM.exec(word);
  const delimiter = found?.[2];
  if (delimiter === undefined || delimiter === "") return undefined;
  const [name, ...more] = delimiterWords(word, () => lexWords(delimiter, LEXER).words);
  if (name === undefined || more.length > 0) return undefined;
  const [written] = delimiterWords(word, () => lexWords(delimiter, { ...LEXER, raw: "quotes" }).words);
  // An escaped quote belongs to the name: it is counted on both sides. Any other quote makes the body literal.
  const expand = quotesIn(name) === quotesIn(written ?? "");
  return { name, expand, stripTabs: found?.[1] === "-", word };
}

/** Removes leading tabs, not spaces, from every line. (With the flag `m`, `^` would match behind a lone CR as well.) */
export function stripLeadingTabs(body: string): string {
  return body.replace(/(^|\n)\t+/g, "$1");
}

function delimiterWords(word: string, lex: () => readonly string[]): readonly string[] {
  try {
    return lex();
  } catch (error) {
    if (!(error instanceof KilnError)) throw error;
    throw new KilnError("dockerfile", `Cannot read the heredoc word "${word}": ${error.message}`);
  }
}

function quotesIn(text: string): number {
  return text.split(/['"]/).length - 1;
}
