/**
 * Feeds readers with inputs nobody would write, for a while, and stops at the first bug.
 *
 *     deno task fuzz                               every target, 60 s each
 *     deno task fuzz --seconds=5 --seed=1 words    some
 *
 * Inputs that lead to an outcome not seen before are kept and changed further. An input that shows a bug is written to
 * `.cache/fuzz`; it belongs into a test.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { join } from "node:path/posix";
import { KilnError } from "../../lib/errors.ts";
import { Chance, mutate } from "./mutate.ts";
import type { FuzzTarget } from "./target.ts";
import { DOCKERFILE } from "./targets/dockerfile.ts";
import { IMAGE_CONFIG, MANIFESTS } from "./targets/documents.ts";
import { GZIP } from "./targets/gzip.ts";
import { TAR_READER } from "./targets/tar_reader.ts";
import { WORDS } from "./targets/words.ts";

const TARGETS: readonly FuzzTarget[] = [TAR_READER, GZIP, DOCKERFILE, WORDS, IMAGE_CONFIG, MANIFESTS];

/** Inputs have at most 256 KiB; whoever needs longer for one than this is open to a denial of service. */
const MOST_MS = 2000;
const MOST_KEPT = 500;

/** What a run of one target found. */
export interface Findings {
  readonly inputs: number;
  readonly outcomes: number;
  /** The input that shows a bug, and what happened. */
  readonly bug?: { readonly input: Uint8Array; readonly what: string };
}

/** Fuzzes one target. The same seed gives the same inputs, as far as time allows. */
export async function fuzz(
  target: FuzzTarget,
  { seconds, seed }: { readonly seconds: number; readonly seed: number },
): Promise<Findings> {
  const chance = new Chance(seed);
  const corpus = [...target.seeds];
  const outcomes = new Set<string>();
  const end = performance.now() + seconds * 1000;
  for (let inputs = 0;; inputs++) {
    const input = inputs < target.seeds.length
      ? chance.pick(target.seeds)
      : mutate(chance.pick(corpus), { chance, corpus, words: target.words });
    const began = performance.now();
    const outcome = await outcomeOf(target, input);
    const tookMs = performance.now() - began;
    if (outcome.isBug || tookMs > MOST_MS) {
      const what = outcome.isBug ? outcome.what : `it took ${Math.round(tookMs)} ms`;
      return { inputs, outcomes: outcomes.size, bug: { input, what } };
    }
    // Numbers and names in messages are of the input; what is left of them says which way the reader went.
    const way = outcome.what.replaceAll(/"[^"]*"|[0-9]+/g, "");
    if (!outcomes.has(way) && corpus.length < MOST_KEPT) corpus.push(input);
    outcomes.add(way);
    if (began > end) return { inputs, outcomes: outcomes.size };
  }
}

async function outcomeOf(target: FuzzTarget, input: Uint8Array): Promise<{ isBug: boolean; what: string }> {
  try {
    return { isBug: false, what: await target.run(input) };
  } catch (error) {
    if (error instanceof KilnError && error.kind !== "internal") return { isBug: false, what: error.message };
    return { isBug: true, what: error instanceof Error ? error.stack ?? error.message : String(error) };
  }
}

async function main(): Promise<void> {
  const option = (name: string, initial: number): number =>
    Number(Deno.args.find((word) => word.startsWith(`--${name}=`))?.split("=")[1] ?? initial);
  const named = Deno.args.filter((word) => !word.startsWith("--"));
  const unknown = named.find((name) => !TARGETS.some((target) => target.name === name));
  if (unknown !== undefined) throw new Error(`Cannot fuzz "${unknown}": there is ${TARGETS.map(({ name }) => name)}`);
  const seed = option("seed", Math.floor(Math.random() * 2 ** 32));
  for (const target of TARGETS.filter(({ name }) => named.length === 0 || named.includes(name))) {
    const { inputs, outcomes, bug } = await fuzz(target, { seconds: option("seconds", 60), seed });
    if (bug === undefined) {
      console.log(`ok     ${target.name}: ${inputs} inputs, ${outcomes} outcomes (seed ${seed})`);
      continue;
    }
    const folder = join(import.meta.dirname ?? ".", "../../.cache/fuzz");
    const path = join(folder, `${target.name}-${createHash("sha256").update(bug.input).digest("hex").slice(0, 12)}`);
    await Deno.mkdir(folder, { recursive: true });
    await Deno.writeFile(path, bug.input);
    console.error(`FAILED ${target.name} (seed ${seed}, input ${inputs}): ${path}\n${bug.what}`);
    Deno.exitCode = 1;
  }
}

if (import.meta.main) await main();
