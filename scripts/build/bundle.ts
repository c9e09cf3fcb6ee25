/**
 * The program as JavaScript: main.js and lib/worker.js, with code splitting, so that start-up does not pay for what is
 * loaded later. Chunks lie beside main.js; code that starts the Worker finds it as `./lib/worker.js` from there.
 *
 * A CommonJS module that is imported when it is needed becomes a chunk that exports its `default` and nothing else, while
 * Node and Deno give its other names, too. The SDKs count on them: without them, the credentials of a web identity ended
 * in "p is not a function". So imports of such chunks are made to give both.
 *
 * @module
 */
import { basename, join } from "node:path/posix";
import { runDeno } from "./run_deno.ts";

/** Bundles the program in `source`, a folder with `main.ts`; the folder `bundle` is made anew. */
export async function makeBundle(source: string, bundle: string): Promise<void> {
  await removeIfThere(bundle);
  await Deno.mkdir(bundle, { recursive: true });
  const entries = [join(source, "main.ts"), join(source, "lib/worker.ts")];
  const flags = ["--quiet", "--platform", "deno", "--minify", "--code-splitting", "--outdir", bundle];
  const { success, said } = await runDeno(["bundle", ...flags, ...entries], { cwd: source });
  if (!success) throw new Error(`Cannot bundle "${source}":\n${said}`);
  for (const name of ["main.js", "lib/worker.js"]) {
    if (!await isFile(join(bundle, name))) throw new Error(`Cannot bundle "${source}": ${name} is missing`);
  }
  await nameExports(bundle);
  await hideLazyImports(bundle);
}

/** Makes imports of CommonJS chunks give all of their names. */
export async function nameExports(bundle: string): Promise<void> {
  const paths = [bundle, join(bundle, "lib")].flatMap((folder) =>
    [...Deno.readDirSync(folder)].flatMap(({ name, isFile }) =>
      isFile && name.endsWith(".js") ? [join(folder, name)] : []
    )
  );
  const texts = new Map(await Promise.all(paths.map(async (path) => [path, await Deno.readTextFile(path)] as const)));
  const commonJs = new Set([...texts].flatMap(([path, text]) => isCommonJs(text) ? [basename(path)] : []));
  for (const [path, text] of texts) {
    const named = text.replaceAll(
      /\bimport\("(\.{1,2}\/[^"]+)"\)/g,
      (whole, file: string) =>
        commonJs.has(basename(file)) ? `${whole}.then(({default:d})=>({...d,default:d}))` : whole,
    );
    if (named !== text) await Deno.writeTextFile(path, named);
  }
}

/** How the bundler ends a chunk that is one CommonJS module. */
function isCommonJs(text: string): boolean {
  return /[;}"]export default [\w$]+\(\);/.test(text) && !/[;}"]export\s*\{/.test(text);
}

/**
 * Hides from Deno what is imported lazily: it would read and parse those chunks, 2 MB of them, before it starts the
 * first one, because it follows every `import()` whose argument it can read off the text.
 */
async function hideLazyImports(folder: string): Promise<void> {
  for await (const entry of Deno.readDir(folder)) {
    const path = join(folder, entry.name);
    if (entry.isDirectory) await hideLazyImports(path);
    else await Deno.writeTextFile(path, withoutLiteralImports(await Deno.readTextFile(path)));
  }
}

/** Puts the argument of every `import()` of a chunk into a function. Chunks are minified: no space, double quotes. */
export function withoutLiteralImports(code: string): string {
  return code.replaceAll(/\bimport\(("\.{1,2}\/[\w./-]+\.js")\)/g, "import((()=>$1)())");
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

async function removeIfThere(path: string): Promise<void> {
  try {
    await Deno.remove(path, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
