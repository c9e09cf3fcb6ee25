/**
 * Makes the files of a release in `dist/release`: for amd64 and arm64 the executor and its bill of materials, and the
 * checksums of all.
 *
 *     deno task release
 *
 * | file                          | what it is                                        |
 * | ----------------------------- | ------------------------------------------------- |
 * | executor-linux-ARCH           | the executor, one file that needs nothing else    |
 * | executor-linux-ARCH.cdx.json  | what is in it, as CycloneDX 1.6                   |
 * | SHA256SUMS                    | for `sha256sum --check`                           |
 *
 * The same commit gives the same bytes. Where denort cannot be had the executors are self-extracting, as those of
 * `deno task build` are, with the deno of npm in them; the last lines say which it was.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { join } from "node:path/posix";
import { VERSION } from "../lib/cli/version.ts";
import { verify } from "./build.ts";
import { makeBundle } from "./build/bundle.ts";
import { type Architecture, compile } from "./build/compile.ts";
import { denoPackage, fetchDeno } from "./build/npm_deno.ts";
import { writeSelfExtracting } from "./build/self_extracting.ts";
import { pinnedDeno } from "./check_versions.ts";
import { lastCommit } from "./last_commit.ts";
import { type BundledPackage, bundledPackages } from "./release/bundled_packages.ts";
import { cycloneDx, npmPurl, type Runtime } from "./release/sbom.ts";
import { runMain } from "./run_main.ts";

/** Where a release comes from and goes to. */
export interface ReleaseRequest {
  readonly source: string;
  /** Made anew. */
  readonly output: string;
  /** Where downloads are kept. */
  readonly cache: string;
  /** When it is made, in seconds since 1970. */
  readonly epoch: number;
}

/** One executor of it. */
export interface ReleasedFile {
  readonly path: string;
  readonly architecture: Architecture;
  /** Why it is not compiled, if it is not. */
  readonly reason?: string;
}

/** As images name them. */
const ARCHITECTURES: Readonly<Record<Architecture, string>> = { x86_64: "amd64", aarch64: "arm64" };

/** Makes all files and returns the executors. */
export async function release({ source, output, cache, epoch }: ReleaseRequest): Promise<readonly ReleasedFile[]> {
  await Deno.remove(output, { recursive: true }).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
  await Deno.mkdir(output, { recursive: true });
  const bundle = await Deno.makeTempDir({ prefix: "kiln-release-" });
  try {
    await makeBundle(source, bundle);
    const packages = await bundledPackages(source);
    const files: ReleasedFile[] = [];
    for (const architecture of Object.keys(ARCHITECTURES) as Architecture[]) {
      const path = join(output, `executor-linux-${ARCHITECTURES[architecture]}`);
      files.push(await makeOne({ path, architecture, bundle, cache, packages, epoch }));
    }
    await writeChecksums(output);
    return files;
  } finally {
    await Deno.remove(bundle, { recursive: true });
  }
}

interface OneFile {
  readonly path: string;
  readonly architecture: Architecture;
  readonly bundle: string;
  readonly cache: string;
  readonly packages: readonly BundledPackage[];
  readonly epoch: number;
}

async function makeOne({ path, architecture, bundle, cache, packages, epoch }: OneFile): Promise<ReleasedFile> {
  const { deno: version } = Deno.version;
  const reason = await compile({ bundle, output: path, architecture });
  let runtime: Runtime = { version, purl: `pkg:github/denoland/deno@v${version}` };
  if (reason !== undefined) {
    const deno = await fetchDeno(version, architecture, cache);
    await writeSelfExtracting({ deno, architecture, bundle, output: path });
    runtime = { version, purl: npmPurl(denoPackage(version, architecture)), sha256: await sha256(deno) };
  }
  const contents = {
    name: "kiln",
    version: VERSION,
    architecture: ARCHITECTURES[architecture],
    runtime,
    packages,
    epoch,
  };
  await Deno.writeTextFile(`${path}.cdx.json`, cycloneDx({ ...contents, sha256: await sha256(path) }));
  return { path, architecture, ...reason === undefined ? {} : { reason } };
}

async function writeChecksums(output: string): Promise<void> {
  const names = [...Deno.readDirSync(output)].map(({ name }) => name).sort();
  const lines: string[] = [];
  for (const name of names) lines.push(`${await sha256(join(output, name))}  ${name}\n`);
  await Deno.writeTextFile(join(output, "SHA256SUMS"), lines.join(""));
}

async function sha256(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk);
  return hash.digest("hex");
}

async function main(): Promise<void> {
  const source = join(import.meta.dirname ?? ".", "..");
  const pinned = pinnedDeno(source);
  if (Deno.version.deno !== pinned) {
    throw new Error(`Cannot release with Deno ${Deno.version.deno}: .dvmrc pins ${pinned}`);
  }
  const output = join(source, "dist/release");
  const epoch = Number(Deno.env.get("SOURCE_DATE_EPOCH") ?? await lastCommit(source));
  const files = await release({ source, output, cache: join(source, ".cache"), epoch });
  for (const { path, architecture, reason } of files) {
    const size = `${((await Deno.stat(path)).size / 1e6).toFixed(1)} MB`;
    const how = reason === undefined ? "compiled" : `the FALLBACK, self-extracting: denort cannot be had (${reason})`;
    console.log(`${path}: ${size}, ${how}`);
    if (architecture === Deno.build.arch) {
      console.log(`answers --version in ${(await verify(path, source)).toFixed(0)} ms`);
    }
  }
  console.log(await Deno.readTextFile(join(output, "SHA256SUMS")));
}

if (import.meta.main) await runMain(main);
