/**
 * The program as JavaScript: main.js and lib/worker.js, with code splitting, so that start-up does not pay for what is
 * loaded later. Chunks lie beside main.js; code that starts the Worker finds it as `./lib/worker.js` from there.
 *
 * What the bundler leaves is changed in three ways, see the functions below: imports of CommonJS chunks give all of
 * their names, chunks are named by their content, and lazy imports are hidden from Deno.
 *
 * @module
 */
import { basename, join } from "node:path/posix";
import { nameByContent } from "./chunk_names.ts";
import { runDeno } from "./run_deno.ts";
import { removeIfThere } from "../remove_if_there.ts";

/** Bundles the program in `source`, a folder with `main.ts`; the folder `bundle` is made anew. */
export async function makeBundle(source: string, bundle: string): Promise<void> {
  await removeIfThere(bundle);
  await Deno.mkdir(bundle, { recursive: true });
  const entries = [join(source, "main.ts"), join(source, "lib/worker.ts")];
  const flags = ["--quiet", "--platform", "deno", "--minify", "--code-splitting", "--outdir", bundle];
  const { success, said } = await runDeno(["bundle", ...flags, ...entries], { cwd: source });
  if (!success) throw new Error(`Cannot bundle "${source}":\n${said}`);
  const chunks = await takeChunks(bundle);
  for (const name of ["main.js", "lib/worker.js"]) {
    if (!chunks.has(name)) throw new Error(`Cannot bundle "${source}": ${name} is missing`);
  }
  for (const [name, code] of nameByContent(withNamedExports(chunks))) {
    await Deno.writeTextFile(join(bundle, name), withoutLiteralImports(code));
  }
}

/** Returns all chunks by their path in the folder, and removes them from it. */
async function takeChunks(folder: string, prefix = ""): Promise<Map<string, string>> {
  const chunks = new Map<string, string>();
  for await (const { name, isDirectory } of Deno.readDir(join(folder, prefix))) {
    const path = join(prefix, name);
    if (isDirectory) {
      for (const [inner, code] of await takeChunks(folder, path)) chunks.set(inner, code);
    } else {
      chunks.set(path, await Deno.readTextFile(join(folder, path)));
      await Deno.remove(join(folder, path));
    }
  }
  return chunks;
}

/**
 * Makes lazy imports of CommonJS chunks give all of their names.
 *
 * A CommonJS module that is imported when it is needed becomes a chunk that exports its `default` and nothing else, while
 * Node and Deno give its other names, too. The SDKs count on them: without them, the credentials of a web identity ended
 * in "p is not a function".
 */
function withNamedExports(chunks: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const commonJs = new Set([...chunks].flatMap(([path, code]) => isCommonJs(code) ? [basename(path)] : []));
  const named = (code: string): string =>
    code.replaceAll(
      /\bimport\("(\.{1,2}\/[^"]+)"\)/g,
      (whole, file: string) =>
        commonJs.has(basename(file)) ? `${whole}.then(({default:d})=>({...d,default:d}))` : whole,
    );
  return new Map([...chunks].map(([path, code]) => [path, named(code)]));
}

/** How the bundler ends a chunk that is one CommonJS module. */
function isCommonJs(code: string): boolean {
  return /[;}"]export default [\w$]+\(\);/.test(code) && !/[;}"]export\s*\{/.test(code);
}

/**
 * Hides from Deno what a chunk imports lazily, by putting the argument of every `import()` into a function. It would
 * read and parse those chunks, 2 MB of them, before it starts the first one, because it follows every `import()` whose
 * argument it can read off the text. Chunks are minified: no space, double quotes.
 */
export function withoutLiteralImports(code: string): string {
  return code.replaceAll(/\bimport\(("\.{1,2}\/[\w./-]+\.js")\)/g, "import((()=>$1)())");
}
