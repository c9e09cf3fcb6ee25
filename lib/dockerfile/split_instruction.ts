/**
 * The first cut through a logical line: keyword, flags, rest.
 *
 * @module
 */
import type { Escape } from "./line.ts";
import { cutBlanks, isSpace, trimSpace } from "./white_space.ts";

/** The parts of a logical line. */
export interface SplitLine {
  /** The first word as typed. */
  readonly typed: string;
  /** Words that start with `--`, quotes and escapes resolved. */
  readonly flags: readonly string[];
  /** What follows the flags, trimmed. */
  readonly rest: string;
}

/** Splits a logical line. Flags end at the first word without `--`, or at a bare `--`, which is dropped. */
export function splitInstruction(text: string, escape: Escape): SplitLine {
  const [typed, argument] = cutBlanks(trimSpace(text));
  const flags: string[] = [];
  let rest = argument ?? "";
  while (true) {
    let start = 0;
    while (isBlank(rest.charAt(start))) start++;
    rest = rest.slice(start);
    if (!rest.startsWith("--")) return { typed, flags, rest: trimSpace(rest) };
    const { word, end } = readFlag(rest, escape);
    rest = rest.slice(end);
    // Quotes around the dashes do not make it a word: `"--"` starts with a quote.
    if (word === "--") return { typed, flags, rest: trimSpace(rest) };
    flags.push(word);
  }
}

/** Reads one word: both kinds of quotes group, in both the escape makes the next character literal. */
function readFlag(text: string, escape: Escape): { readonly word: string; readonly end: number } {
  let word = "";
  let quote: string | undefined;
  let at = 0;
  for (; at < text.length; at++) {
    let char = text.charAt(at);
    if (quote === undefined && isBlank(char)) break;
    if (char === quote) {
      quote = undefined;
      continue;
    }
    if (quote === undefined && (char === "'" || char === '"')) {
      quote = char;
      continue;
    }
    if (char === escape) char = text.charAt(++at);
    word += char;
  }
  return { word, end: Math.min(at, text.length) };
}

/**
 * BuildKit goes byte by byte here and so knows ASCII white space only. (It also takes the bytes of other characters for
 * characters of their own, and so spoils them; we do not.)
 */
function isBlank(char: string): boolean {
  return char < "\x7f" && isSpace(char);
}
