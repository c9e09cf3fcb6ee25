/**
 * White space as Dockerfiles know it. There are two sets: trimming and quoted words go by Unicode's white space, the
 * splitting of lines into words by five ASCII blanks. JavaScript's own `\s` is neither: it has U+FEFF and lacks U+0085.
 *
 * The functions scan by hand: a regular expression like `/ +$/` takes quadratic time on a long run of blanks.
 *
 * @module
 */

const UNICODE_SPACE = /[\t\n\v\f\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/;

/** Tells whether a character is Unicode white space (Go's `unicode.IsSpace`). */
export function isSpace(char: string): boolean {
  return char <= " " ? char === " " || (char >= "\t" && char <= "\r") : UNICODE_SPACE.test(char);
}

/** Removes Unicode white space from the start. */
export function trimSpaceStart(text: string): string {
  let start = 0;
  while (start < text.length && isSpace(text.charAt(start))) start++;
  return text.slice(start);
}

/** Removes Unicode white space from both ends. */
export function trimSpace(text: string): string {
  let end = text.length;
  while (end > 0 && isSpace(text.charAt(end - 1))) end--;
  return trimSpaceStart(text.slice(0, end));
}

const BLANKS = /[\t\v\f\r ]+/;

/** Splits at runs of tab, vertical tab, form feed, carriage return and space. */
export function splitBlanks(text: string): readonly string[] {
  return text.split(BLANKS);
}

/** Splits at the first run of such blanks; the second part is undefined when there is none. */
export function cutBlanks(text: string): readonly [first: string, rest: string | undefined] {
  const found = BLANKS.exec(text);
  if (found === null) return [text, undefined];
  return [text.slice(0, found.index), text.slice(found.index + found[0].length)];
}
