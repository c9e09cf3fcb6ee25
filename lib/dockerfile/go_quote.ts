/**
 * Go's `%q`: how Docker's history and BuildKit's parser dump quote strings.
 *
 * @module
 */

const NAMED: Readonly<Record<string, string>> = {
  "\x07": "\\a",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\v": "\\v",
  '"': '\\"',
  "\\": "\\\\",
};

/** Everything that is not a letter, mark, number, punctuation, symbol or the ASCII space, and what needs a backslash. */
const ESCAPED = /[^\p{L}\p{M}\p{N}\p{P}\p{S} ]|["\\]/gu;

/** Returns the text as Go's strconv.Quote writes it. */
export function goQuote(text: string): string {
  return `"${text.toWellFormed().replace(ESCAPED, escapeOne)}"`;
}

/** Returns the words as Go prints a slice with `%q`: `["a" "b"]`. */
export function goQuoteList(words: readonly string[]): string {
  return `[${words.map(goQuote).join(" ")}]`;
}

function escapeOne(char: string): string {
  const named = NAMED[char];
  if (named !== undefined) return named;
  const code = char.codePointAt(0) ?? 0;
  if (code < 0x80) return `\\x${code.toString(16).padStart(2, "0")}`;
  return code < 0x10000 ? `\\u${code.toString(16).padStart(4, "0")}` : `\\U${code.toString(16).padStart(8, "0")}`;
}
