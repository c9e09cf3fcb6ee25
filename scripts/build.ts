/**
 * Makes `dist/executor`: one file that holds the runtime and the whole program.
 *
 *     deno task build
 *
 * 1. `dist/bundle/`: main.js and lib/worker.js, with code splitting, so that start-up does not pay for what is loaded
 *    later. Chunks lie beside main.js; code that starts the Worker finds it as `./lib/worker.js` from there.
 * 2. `deno compile` of the bundle, with the denort that Deno downloads or that `DENORT_BIN` names.
 * 3. Where denort cannot be had: a self-extracting file of this deno and the same bundle, saying so (decisions.md 21).
 * 4. The file must answer `--version` as the source does; how long that takes is printed.
 *
 * @module
 */
import { join } from "node:path/posix";
import { pinnedDeno } from "./check_versions.ts";
import { writeSelfExtracting } from "./self_extracting.ts";

/** Where the program is and where the result goes. */
export interface BuildRequest {
  /** The folder with `main.ts` and `lib/worker.ts`. */
  readonly source: string;
  readonly output: string;
  /** A denort to use instead of the one Deno downloads. */
  readonly denort: string | undefined;
  /** The deno that compiles; this one unless told. */
  readonly deno?: string;
}

/** How the file was made. */
export interface Built {
  readonly executor: string;
  readonly kind: "compiled" | "self-extracting";
  /** Of a self-extracting file: why it is not compiled. */
  readonly reason?: string;
  readonly sizeBytes: number;
}

/** Bundles, compiles or packs, and returns what was made. */
export async function build(request: BuildRequest): Promise<Built> {
  const bundle = join(request.output, "bundle");
  const executor = join(request.output, "executor");
  await makeBundle(request.source, bundle);
  const failure = await compile(request, bundle, executor);
  if (failure === undefined) return { executor, kind: "compiled", sizeBytes: (await Deno.stat(executor)).size };
  await writeSelfExtracting({ deno: await denoBinary(), bundle, output: executor });
  return { executor, kind: "self-extracting", reason: failure, sizeBytes: (await Deno.stat(executor)).size };
}

/** Bundles the program; the folder is made anew. */
export async function makeBundle(source: string, bundle: string): Promise<void> {
  await removeIfThere(bundle);
  await Deno.mkdir(bundle, { recursive: true });
  const entries = [join(source, "main.ts"), join(source, "lib/worker.ts")];
  const args = [
    "bundle",
    "--quiet",
    "--platform",
    "deno",
    "--minify",
    "--code-splitting",
    "--outdir",
    bundle,
    ...entries,
  ];
  const { success, said } = await runDeno(Deno.execPath(), args, source);
  if (!success) throw new Error(`Cannot bundle "${source}":\n${said}`);
  for (const name of ["main.js", "lib/worker.js"]) {
    if (!await isFile(join(bundle, name))) throw new Error(`Cannot bundle "${source}": ${name} is missing`);
  }
}

/** Returns why denort cannot be had; throws on every other failure. */
async function compile(request: BuildRequest, bundle: string, executor: string): Promise<string | undefined> {
  const deno = request.deno ?? Deno.execPath();
  const part = `${executor}.part`;
  const flags = ["-A", "--no-check", "--no-code-cache", "--no-config", "--no-lock", "--no-prompt"];
  const args = ["compile", "--quiet", ...flags, "--include", bundle, "--output", part, join(bundle, "main.js")];
  const { success, said } = await runDeno(deno, args, request.source, request.denort);
  if (success) {
    await Deno.rename(part, executor);
    return undefined;
  }
  // With DENORT_BIN somebody asked for that very file: then there is nothing to fall back to.
  if (request.denort !== undefined || !said.includes("Setting up base binary")) {
    throw new Error(`Cannot compile "${bundle}":\n${said}`);
  }
  return said.split("\n").find((line) => line.includes("denort"))?.replace(/^[\s\d:]+/, "") ?? "denort is not there";
}

/** npm's `deno` is a script that starts the binary; what runs us is the binary itself. */
async function denoBinary(): Promise<string> {
  const path = Deno.execPath();
  const magic = new Uint8Array(4);
  using file = await Deno.open(path);
  await file.read(magic);
  if (new TextDecoder("latin1").decode(magic) !== "\x7fELF") throw new Error(`Cannot pack "${path}": not a binary`);
  return path;
}

/** Starts the file and the source, and throws when they do not answer alike. Returns the fastest start in ms. */
export async function verify(executor: string, source: string): Promise<number> {
  const expected = await runDeno(Deno.execPath(), ["run", "-A", join(source, "main.ts"), "--version"], source);
  if (!expected.success) throw new Error(`Cannot verify "${executor}": the source fails:\n${expected.said}`);
  let fastest = Infinity;
  // The first start of a self-extracting file unpacks it.
  for (let round = 0; round < 6; round++) {
    const started = performance.now();
    const { success, stdout, stderr } = await new Deno.Command(executor, { args: ["--version"] }).output();
    if (round > 0) fastest = Math.min(fastest, performance.now() - started);
    const said = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
    if (!success || said !== expected.said) {
      throw new Error(`Cannot verify "${executor}": "--version" answers:\n${said}instead of:\n${expected.said}`);
    }
  }
  return fastest;
}

async function runDeno(
  deno: string,
  args: readonly string[],
  cwd: string,
  denort?: string,
): Promise<{ readonly success: boolean; readonly said: string }> {
  const { success, stdout, stderr } = await new Deno.Command(deno, {
    args: [...args],
    cwd,
    env: { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1", ...denort === undefined ? {} : { DENORT_BIN: denort } },
  }).output();
  return { success, said: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
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

async function main(): Promise<void> {
  const source = join(import.meta.dirname ?? ".", "..");
  const pinned = pinnedDeno(source);
  if (Deno.version.deno !== pinned) {
    throw new Error(`Cannot build with Deno ${Deno.version.deno}: .dvmrc pins ${pinned}`);
  }
  const built = await build({ source, output: join(source, "dist"), denort: Deno.env.get("DENORT_BIN") });
  const ms = await verify(built.executor, source);
  const size = `${(built.sizeBytes / 1e6).toFixed(1)} MB`;
  if (built.kind === "compiled") {
    console.log(`dist/executor: compiled by Deno ${pinned}, ${size}, answers --version in ${ms.toFixed(0)} ms`);
    return;
  }
  console.log(`dist/executor: the FALLBACK, not compiled: denort, the runtime that "deno compile" needs, cannot be had
  reason: ${built.reason}
  instead: a self-extracting file of this Deno ${pinned} and the same bundle; it unpacks itself once into the cache
  folder of its user and is then as fast to start. To compile, set DENORT_BIN to a denort ${pinned}.
  ${size}, answers --version in ${ms.toFixed(0)} ms`);
}

if (import.meta.main) {
  try {
    await main();
  } catch (error) {
    console.error(`error: ${error instanceof Error ? error.message : error}`);
    Deno.exitCode = 1;
  }
}
