/**
 * Dockerfiles that BuildKit refuses, or one might think it did, as blocks of one text file:
 *
 *     === COPY without a destination
 *     >>> fails at 2
 *     FROM scratch
 *     COPY a
 *
 * The second line was recorded: `fails at 3-5`, `fails` where BuildKit names no line, or `builds`. Where we mean to
 * differ, `+++ fails at 2, decisions 6` follows.
 *
 * @module
 */
import { join } from "node:path/posix";
import type { CaseContext } from "./case_context.ts";
import { run } from "./environment/command.ts";
import { EXECUTOR } from "./executor_site.ts";
import type { CaseBench } from "./recorded_case.ts";

const FOLDER = join(import.meta.dirname ?? ".", "../differential/refusals");
const FILE = join(FOLDER, "refusals.txt");

/** One Dockerfile and what becomes of it. */
export interface Refusal {
  readonly title: string;
  readonly dockerfile: string;
  /** As it stands in the file; undefined when nothing is recorded. */
  readonly recorded: string | undefined;
  readonly deviation: string | undefined;
}

/** Reads the file. */
export async function readRefusals(): Promise<readonly Refusal[]> {
  const text = await Deno.readTextFile(FILE);
  return text.split(/^=== /m).slice(1).map((block) => {
    const [title = "", ...lines] = block.split("\n");
    const take = (mark: string): string | undefined => lines[0]?.startsWith(mark) ? lines.shift()?.slice(4) : undefined;
    const [recorded, deviation] = [take(">>> "), take("+++ ")];
    return { title, recorded, deviation, dockerfile: lines.join("\n") };
  });
}

/** Writes the file. */
export async function writeRefusals(refusals: readonly Refusal[]): Promise<void> {
  const blocks = refusals.map(({ title, recorded, deviation, dockerfile }) => {
    const marks = [
      ...recorded === undefined ? [] : [`>>> ${recorded}\n`],
      ...deviation === undefined ? [] : [`+++ ${deviation}\n`],
    ];
    return `=== ${title}\n${marks.join("")}${dockerfile}`;
  });
  await Deno.writeTextFile(FILE, blocks.join(""));
}

/** Builds a Dockerfile with the context of the refusals; `builder` returns whether it succeeded and what it said. */
export async function outcomeOf(
  refusal: Refusal,
  bench: CaseBench,
  builder: (context: CaseContext, layout: string) => Promise<{ readonly succeeded: boolean; readonly output: string }>,
): Promise<string> {
  const { succeeded, output } = await bench.tryBuild({ dockerfile: refusal.dockerfile, shared: FOLDER }, builder);
  return succeeded ? "builds" : `fails${linesIn(output)}`;
}

/** Builds with the executor. */
export async function tryOurs(context: CaseContext, layout: string): Promise<{ succeeded: boolean; output: string }> {
  const { code, stderr } = await run([
    ...EXECUTOR,
    ...[`--context=${context.context}`, `--dockerfile=${context.dockerfile}`, `--work-dir=${layout}-work`],
    ...["--no-push", "--insecure-pull", "--log-format=text"],
  ], { accept: Array.from({ length: 256 }, (_, at) => at) });
  if (code === 70 || / at (file|async|ext):/.test(stderr)) throw new Error(`An internal error:\n${stderr}`);
  return { succeeded: code === 0, output: stderr };
}

/** The lines that an excerpt marks. */
function linesIn(output: string): string {
  const marked = [...output.matchAll(/^ *(\d+) \| >>>/gm)].map(([, number]) => Number(number));
  if (marked.length === 0) return "";
  const [first, last] = [Math.min(...marked), Math.max(...marked)];
  return first === last ? ` at ${first}` : ` at ${first}-${last}`;
}
