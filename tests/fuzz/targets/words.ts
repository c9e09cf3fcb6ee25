/**
 * The word expander, in all its three forms.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { KilnError } from "../../../lib/errors.ts";
import { expandBody, expandWord, expandWords } from "../../../lib/dockerfile/expand_word.ts";
import type { FuzzTarget } from "../target.ts";

const SEEDS = [
  "plain $a ${a} ${b:-default $a} ${b:+x} ${e:?message} ${a-} ${n+set}",
  '"double $a \\" \\$" \'single $a\' \\$a `$a',
  "${p#*/} ${p##*/} ${p%/*} ${p%%/*} ${p/a/b} ${p//?/${a}} ${p/#\\/usr/x}",
  "${a:-${b:-${n:-\"deep 'quote'\"}}}",
  "$1 $* $ ${ } ${a ${a:",
];
const VALUES = new Map([["a", "value"], ["e", ""], ["n", "5"], ["p", "/usr/lib/x.tar.gz"], ["w", "*?[]\\"]]);

/** The target. */
export const WORDS: FuzzTarget = {
  name: "words",
  seeds: SEEDS.map((text) => new TextEncoder().encode(text)),
  words: ["${", "}", ":-", ":+", ":?", "##", "%%", "//", "/", "\\", "`", '"', "'", "$a", "${p", "*", "?", "["],
  run(input): string {
    const text = Buffer.from(input).toString("utf8");
    const variable = (name: string): string | undefined => VALUES.get(name);
    const forms = [
      () => expandWord(text, { variable, escape: "\\" }),
      () => expandWord(text, { variable, escape: "`" }),
      () => expandWords(text, { variable, escape: "\\" }),
      () => expandBody(text, { variable }),
    ];
    return forms.map((form) => {
      try {
        form();
        return "";
      } catch (error) {
        if (!(error instanceof KilnError)) throw error;
        return error.message;
      }
    }).join();
  },
};
