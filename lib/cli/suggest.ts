/**
 * "Did you mean": the known word that a mistyped one most likely stands for.
 *
 * @module
 */

/** The most changes between what was typed and what is suggested. */
const MOST_CHANGES = 2;

/** Returns the candidate nearest to `typed`, or undefined when none is near. */
export function suggest(typed: string, candidates: readonly string[]): string | undefined {
  const plain = plainForm(typed);
  const same = candidates.find((candidate) => plainForm(candidate) === plain);
  if (same !== undefined) return same;
  let best: string | undefined;
  // A word of three letters is near to everything.
  let least = Math.min(MOST_CHANGES, Math.floor(plain.length / 2)) + 1;
  for (const candidate of candidates) {
    const changes = editDistance(plain, plainForm(candidate));
    if (changes < least) [best, least] = [candidate, changes];
  }
  return best;
}

/** Case and dashes are what people get wrong most (`--noPush`, `--no_push`); they cost nothing. */
function plainForm(word: string): string {
  return word.toLowerCase().replace(/[-_]/g, "");
}

/** Returns the number of insertions, deletions, replacements and swaps of neighbours that lead from `a` to `b`. */
function editDistance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > MOST_CHANGES) return MOST_CHANGES + 1;
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      const swap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const options = [(last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + cost];
      if (swap) options.push((beforeLast[j - 2] ?? 0) + 1);
      row.push(Math.min(...options));
    }
    [beforeLast, last] = [last, row];
  }
  return last[b.length] ?? 0;
}
