/**
 * Variable expansion (dockerfile.md 2.2): one word to one word, one text to several words, and heredoc bodies.
 *
 * @module
 */
import { KilnError } from "../errors.ts";
import type { Escape } from "./line.ts";
import { type LexedWords, lexWord, lexWords, WordFault, type WordLexerOptions } from "./word_lexer.ts";

/** Most characters of an expanded word. Linux passes no environment variable of more than 128 KiB to a program. */
export const MAX_WORD_LENGTH = 1024 * 1024;

/** Most characters of an expanded heredoc body. */
const MAX_BODY_LENGTH = 64 * 1024 * 1024;

/** What a word is expanded with. */
export interface Variables {
  /** Returns what a variable is set to. */
  readonly variable: (name: string) => string | undefined;
  /** The character of the `# escape=` directive. Heredoc bodies always have the backslash. */
  readonly escape: Escape;
}

/** An expanded word and the variables it used. */
export interface Expansion {
  readonly text: string;
  /** Names that were asked for and set. */
  readonly found: ReadonlySet<string>;
  /** Names that were asked for and not set. */
  readonly missing: ReadonlySet<string>;
}

/**
 * Expands a word: quotes and escapes are removed, variables replaced. The result is one word, blanks included.
 *
 * @throws {KilnError} kind `dockerfile`, if the word cannot be read or a `${v:?}` fires.
 */
export function expandWord(word: string, variables: Variables): Expansion {
  return explained(word, () => lexWord(word, { ...variables, limit: MAX_WORD_LENGTH }));
}

/** Expands a text and splits the result at blanks that are not quoted (BuildKit's ProcessWords). Throws likewise. */
export function expandWords(text: string, variables: Variables): LexedWords {
  return explained(text, () => lexWords(text, { ...variables, limit: MAX_WORD_LENGTH }));
}

/**
 * Expands a heredoc body: quotes are literal, a backslash vanishes and takes the meaning from what follows, also when
 * the file has another escape character. Throws likewise.
 */
export function expandBody(body: string, variables: Pick<Variables, "variable">): Expansion {
  const options: WordLexerOptions = { ...variables, escape: "\\", literalQuotes: true, limit: MAX_BODY_LENGTH };
  return explained(body, () => lexWord(body, options));
}

function explained<T>(text: string, lex: () => T): T {
  try {
    return lex();
  } catch (error) {
    if (!(error instanceof WordFault)) throw error;
    const hint = error.hint === undefined ? {} : { hint: error.hint };
    throw new KilnError("dockerfile", `Cannot expand "${shorten(lineAt(text, error.at))}": ${error.message}`, hint);
  }
}

/** Returns the line of a text that a position is in: the body of a heredoc has many. */
function lineAt(text: string, at: number): string {
  const start = text.lastIndexOf("\n", at - 1) + 1;
  const end = text.indexOf("\n", at);
  return text.slice(start, end < 0 ? undefined : end);
}

function shorten(text: string): string {
  const line = text.trim();
  return line.length <= 100 ? line : `${line.slice(0, 100).toWellFormed()}...`;
}
