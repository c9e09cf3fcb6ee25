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
import { makeBundle } from "./build/bundle.ts";
import { compile } from "./build/compile.ts";
import { runDeno } from "./build/run_deno.ts";
import { writeSelfExtracting } from "./build/self_extracting.ts";
import { runMain } from "./run_main.ts";

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
  const { denort, deno } = request;
  const reason = await compile({
    bundle,
    output: executor,
    ...denort === undefined ? {} : { denort },
    ...deno === undefined ? {} : { deno },
  });
  if (reason === undefined) return { executor, kind: "compiled", sizeBytes: (await Deno.stat(executor)).size };
  await writeSelfExtracting({ deno: await denoBinary(), architecture: Deno.build.arch, bundle, output: executor });
  return { executor, kind: "self-extracting", reason, sizeBytes: (await Deno.stat(executor)).size };
}

/** The binary that runs this; npm's `deno` is a script that starts it. */
export async function denoBinary(): Promise<string> {
  const path = Deno.execPath();
  const magic = new Uint8Array(4);
  using file = await Deno.open(path);
  await file.read(magic);
  if (new TextDecoder("latin1").decode(magic) !== "\x7fELF") throw new Error(`Cannot pack "${path}": not a binary`);
  return path;
}

/** Starts the file and the source, and throws when they do not answer alike. Returns the fastest start in ms. */
export async function verify(executor: string, source: string): Promise<number> {
  const expected = await runDeno(["run", "-A", join(source, "main.ts"), "--version"], { cwd: source });
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

if (import.meta.main) await runMain(main);
