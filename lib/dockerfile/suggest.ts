/**
 * "Did you mean": the known word that a mistyped one most likely stands for.
 *
 * @module
 */

/** Words at this distance or farther are not near. */
const TOO_FAR = 3;

/** Longer words get no suggestion: nobody mistypes them by hand, and comparing takes quadratic time. */
const MAX_LENGTH = 200;

/** How to compare. */
export interface SuggestOptions {
  /** Case does not count, and the suggestion is given in the case of what was typed. */
  readonly ignoreCase?: true;
}

/**
 * Returns the candidate with the least Levenshtein distance if that is below 3; of equals one made of the same letters
 * (`RNU` is RUN rather than ENV), else the first. An exact match means that the word was not the fault: then there is no
 * suggestion.
 */
export function suggest(typed: string, candidates: Iterable<string>, options: SuggestOptions = {}): string | undefined {
  if (typed.length > MAX_LENGTH) return undefined;
  const plain = options.ignoreCase ? typed.toLowerCase() : typed;
  let best: string | undefined;
  let least = TOO_FAR;
  for (const candidate of candidates) {
    const other = options.ignoreCase ? candidate.toLowerCase() : candidate;
    if (other === plain) return undefined;
    const distance = other === "" ? TOO_FAR : levenshteinDistance(plain, other);
    if (distance >= TOO_FAR) continue;
    const rank = distance - (lettersOf(plain) === lettersOf(other) ? 0.5 : 0);
    if (rank < least) [best, least] = [other, rank];
  }
  return best !== undefined && options.ignoreCase && typed === typed.toUpperCase() ? best.toUpperCase() : best;
}

/** Returns a hint for an error, or nothing: `{ hint: "did you mean X?" }`, to be spread into its options. */
export function didYouMean(
  typed: string,
  candidates: Iterable<string>,
  options: SuggestOptions = {},
): { readonly hint?: string } {
  const found = suggest(typed, candidates, options);
  return found === undefined ? {} : { hint: `did you mean ${found}?` };
}

function lettersOf(word: string): string {
  return Array.from(word).sort().join("");
}

/** Returns the number of insertions, deletions and replacements between two words, or 3 if it is not less. */
function levenshteinDistance(a: string, b: string): number {
  const [from, to] = [Array.from(a), Array.from(b)];
  if (Math.abs(from.length - to.length) >= TOO_FAR) return TOO_FAR;
  let last = Array.from({ length: to.length + 1 }, (_, at) => at);
  for (const [i, char] of from.entries()) {
    const row = [i + 1];
    for (const [j, other] of to.entries()) {
      const replaced = (last[j] ?? 0) + (char === other ? 0 : 1);
      row.push(Math.min((last[j + 1] ?? 0) + 1, (row[j] ?? 0) + 1, replaced));
    }
    // Distances never shrink from row to row: a long word need not be compared to its end.
    if (Math.min(...row) >= TOO_FAR) return TOO_FAR;
    last = row;
  }
  return last.at(-1) ?? 0;
}
