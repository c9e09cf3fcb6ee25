/**
 * The program as JavaScript: main.js and lib/worker.js, with code splitting, so that start-up does not pay for what is
 * loaded later. Chunks lie beside main.js; code that starts the Worker finds it as `./lib/worker.js` from there.
 *
 * @module
 */
import { join } from "node:path/posix";
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
