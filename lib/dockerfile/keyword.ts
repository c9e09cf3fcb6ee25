/**
 * The 18 instruction keywords.
 *
 * @module
 */

/** Every keyword, upper case. */
export const KEYWORDS = [
  "ADD",
  "ARG",
  "CMD",
  "COPY",
  "ENTRYPOINT",
  "ENV",
  "EXPOSE",
  "FROM",
  "HEALTHCHECK",
  "LABEL",
  "MAINTAINER",
  "ONBUILD",
  "RUN",
  "SHELL",
  "STOPSIGNAL",
  "USER",
  "VOLUME",
  "WORKDIR",
] as const;

/** One of the keywords. */
export type Keyword = typeof KEYWORDS[number];

const BY_LOWER_CASE: ReadonlyMap<string, Keyword> = new Map(KEYWORDS.map((word) => [word.toLowerCase(), word]));

/**
 * Returns the keyword a word spells in any letter case, or undefined. The comparison is in lower case, as in Go:
 * upper-casing would make the long s of `uſer` an S.
 */
export function keywordOf(word: string): Keyword | undefined {
  return BY_LOWER_CASE.get(word.toLowerCase());
}
