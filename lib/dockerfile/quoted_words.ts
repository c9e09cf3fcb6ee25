/**
 * The splitter of ENV, LABEL and ARG: words end at white space outside quotes; quotes and escapes stay in the word, to
 * be resolved when it is expanded.
 *
 * @module
 */
import type { Escape } from "./line.ts";
import { isSpace } from "./white_space.ts";

/** Splits a text into words. An escape hides the character behind it, except between single quotes. */
export function splitQuotedWords(text: string, escape: Escape): readonly string[] {
  const words: string[] = [];
  let start: number | undefined;
  let quote: string | undefined;
  for (let at = 0; at < text.length; at++) {
    const char = text.charAt(at);
    if (quote === undefined && isSpace(char)) {
      if (start !== undefined) words.push(text.slice(start, at));
      start = undefined;
      continue;
    }
    start ??= at;
    if (char === quote) quote = undefined;
    else if (quote === undefined && (char === "'" || char === '"')) quote = char;
    else if (char === escape && quote !== "'") at++;
  }
  if (start !== undefined) {
    const last = text.slice(start);
    // An escape at the very end is dropped, unless it is itself escaped or between single quotes.
    const word = endsInEscape(last, escape) ? last.slice(0, -1) : last;
    if (word !== "") words.push(word);
  }
  return words;
}

/** Tells whether the last character of a word is an active escape with nothing to escape. */
function endsInEscape(word: string, escape: Escape): boolean {
  let quote: string | undefined;
  for (let at = 0; at < word.length; at++) {
    const char = word.charAt(at);
    if (char === quote) quote = undefined;
    else if (quote === undefined && (char === "'" || char === '"')) quote = char;
    else if (char === escape && quote !== "'" && ++at === word.length) return true;
  }
  return false;
}
