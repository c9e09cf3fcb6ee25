/**
 * Builds that are measured: how long they take, and how much memory.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path/posix";
import type { ContextSource, SourceParts } from "../../lib/contexts/context_source.ts";
import { noise } from "./context_archive.ts";
import { run } from "./environment/command.ts";
import { prepared } from "./environment/environment.ts";
import { memoryDirectory, type Site, type StartOptions } from "./executor_site.ts";
import { fetchContext } from "./fetch_context.ts";

export const MIB = 1024 * 1024;

/** What a build took. */
export interface Measured {
  readonly seconds: number;
  /** Resident memory of the largest of its processes. */
  readonly peakBytes: number;
}

/** Runs a command and says which of its processes took the most memory, and how much. */
const PEAK = `
import resource, subprocess, sys
code = subprocess.run(sys.argv[2:]).returncode
open(sys.argv[1], "w").write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
sys.exit(code)
`;

/** Builds, successfully, and measures it. What comes on stdin, if anything, is the file `stdin`. */
export async function measureBuild(
  site: Site,
  args: readonly string[],
  { stdin, env = {} }: { readonly stdin?: string } & Pick<StartOptions, "env"> = {},
): Promise<Measured> {
  await prepared({ tools: ["python3"] });
  const report = join(site.path, "peak");
  const reading = stdin === undefined ? [] : ["sh", "-c", 'file=$1; shift; exec "$@" < "$file"', "sh", stdin];
  const began = performance.now();
  const { code, stderr } = await site.run(["--no-push", ...args], {
    env,
    through: [...reading, "python3", "-c", PEAK, report],
  });
  const seconds = (performance.now() - began) / 1000;
  assert.equal(code, 0, stderr);
  await site.assertNothingLeft();
  return { seconds, peakBytes: Number(await Deno.readTextFile(report)) * 1024 };
}

/** Says for people what something took. */
export function shownMemory({ peakBytes }: Pick<Measured, "peakBytes">): string {
  return `${Math.round(peakBytes / MIB)} MiB`;
}

/** Turns of a comparison. */
const TURNS = 3;

/** Seconds of one turn. */
export interface Compared {
  readonly ours: number;
  readonly theirs: number;
}

/**
 * Fetches a context, and has the native tools bring the same, by turns: other work on the machine slows both.
 * Returns the turn with the middle ratio; the best of each would set a lucky one against what there was at another time.
 *
 * @param native is given an empty directory of its own.
 */
export async function compareFetching(
  make: (parts: SourceParts) => ContextSource,
  native: (folder: string) => Promise<unknown>,
  env: Readonly<Record<string, string>> = {},
): Promise<Compared> {
  const turns: Compared[] = [];
  while (turns.length < TURNS) {
    const folder = await Deno.makeTempDir({ prefix: "kiln-native-", ...memoryDirectory() });
    let began = performance.now();
    await native(folder);
    const theirs = (performance.now() - began) / 1000;
    await Deno.remove(folder, { recursive: true });
    let ours = Infinity;
    began = performance.now();
    const look = (): void => void (ours = (performance.now() - began) / 1000);
    // Reading the files back is the test's own business and not counted.
    await fetchContext(make, { env, look, contents: false });
    turns.push({ ours, theirs });
  }
  turns.sort((a, b) => a.ours / a.theirs - b.ours / b.theirs);
  const middle = turns[TURNS >> 1];
  assert.ok(middle !== undefined);
  return middle;
}

/** An archive of 1 GiB that does not compress; it goes when it is disposed of. */
export interface LargeContext extends AsyncDisposable {
  /** Where it is. */
  readonly folder: string;
  readonly tar: string;
}

const FILES = 64;
const FILE_BYTES = 16 * MIB;

/** Packs a context of 64 files of 16 MiB, and a Dockerfile that copies next to nothing. */
export async function packLargeContext(): Promise<LargeContext> {
  const folder = await Deno.makeTempDir({ prefix: "kiln-large-", ...memoryDirectory() });
  const files = join(folder, "files");
  await Deno.mkdir(files);
  await Deno.writeTextFile(join(files, "Dockerfile"), "FROM scratch\nCOPY Dockerfile /\n");
  for (let index = 0; index < FILES; index++) {
    await Deno.writeFile(join(files, `file${index}`), noise(FILE_BYTES, index + 1));
  }
  const tar = join(folder, "context.tar");
  await run(["tar", "-C", files, "-cf", tar, "."]);
  await Deno.remove(files, { recursive: true });
  return {
    folder,
    tar,
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}
