/**
 * Names of chunks that depend on their content alone.
 *
 * The bundler puts a digest into each name that also covers where the source and Deno's cache are. Two machines would
 * get the same code under other names, and with them other references in the code.
 *
 * @module
 */
import { createHash } from "node:crypto";

/** Characters of a digest in a name. */
const DIGITS = 10;

/** `chunk-3Q2WGRU3.js`, `build_command-3Z4USLX4.js`: what the bundler named by a digest. */
const NAMED_BY_DIGEST = /^(.+)-[0-9A-Z]{8}\.js$/;

/**
 * Returns the same chunks under names of their own, and with references to those names.
 *
 * @param chunks code by file name; names without a digest stay as they are.
 */
export function nameByContent(chunks: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const names = new Map([...chunks.keys()].filter((name) => NAMED_BY_DIGEST.test(name)).map((name) => [name, ""]));
  // A chunk is told by its code and by those it refers to; each round looks one reference further, also round circles.
  for (let distinct = -1;;) {
    const digests = new Map([...names.keys()].map((name) => [name, digestOf(renamed(chunks.get(name) ?? "", names))]));
    for (const [name, digest] of digests) names.set(name, name.replace(NAMED_BY_DIGEST, `$1-${digest}.js`));
    const now = new Set(names.values()).size;
    if (now === names.size || now === distinct) break;
    distinct = now;
  }
  if (new Set(names.values()).size !== names.size) throw new Error("Cannot name the chunks: two of them are the same");
  return new Map([...chunks].map(([name, code]) => [names.get(name) ?? name, renamed(code, names)]));
}

/** References are always strings: "./NAME" or "../NAME". */
function renamed(code: string, names: ReadonlyMap<string, string>): string {
  return code.replaceAll(/(["/])([\w.-]+\.js)"/g, (all, before, name) => {
    const other = names.get(name);
    return other === undefined ? all : `${before}${other}"`;
  });
}

function digestOf(code: string): string {
  return createHash("sha256").update(code).digest("hex").slice(0, DIGITS);
}
