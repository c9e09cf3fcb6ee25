/**
 * Records what BuildKit makes of the cases of tests/differential, so that CI can compare without a daemon.
 *
 *     deno task record                                  every case, and every refusal, that has no recording
 *     deno task record --all                            every case
 *     deno task record tests/differential/corpus/node   these cases, or those in these folders
 *
 * Starts BuildKit (`tests/support/buildkit.ts`), which needs root, and Go the first time. Look at what git says has
 * changed: it is what BuildKit makes, whatever a rule says.
 *
 * @module
 */
import { join, relative, resolve } from "node:path/posix";
import { startBuildKit } from "../tests/support/buildkit.ts";
import { outcomeOf, readRefusals, type Refusal, writeRefusals } from "../tests/support/refusals.ts";
import { CaseBench, recorded, recordedCases } from "../tests/support/recorded_case.ts";

async function main(): Promise<void> {
  const all = Deno.args.includes("--all");
  const named = Deno.args.filter((argument) => !argument.startsWith("--")).map((path) => resolve(path));
  const cases = [];
  for (const from of recordedCases()) {
    const wanted = named.length > 0
      ? named.some((path) => from === path || from.startsWith(`${path}/`))
      : all || await recorded(from) === undefined;
    if (wanted) cases.push(from);
  }
  await using buildkit = await startBuildKit();
  await using bench = await CaseBench.start();
  if (named.length === 0) {
    await recordRefusals(
      all,
      (refusal) => outcomeOf(refusal, bench, (context, layout) => buildkit.build(context, layout)),
    );
  }
  for (const from of cases) {
    const name = relative(Deno.cwd(), from);
    const before = await recorded(from);
    try {
      const text = await bench.build(from, {
        dates: "inexact",
        async build(context, layout): Promise<void> {
          const { succeeded, output } = await buildkit.build(context, layout);
          if (!succeeded) throw new Error(output.trimEnd().split("\n").slice(-12).join("\n"));
        },
      });
      await Deno.writeTextFile(join(from, "expected"), text);
      console.log(`${text === before ? "same    " : before === undefined ? "new     " : "changed "} ${name}`);
    } catch (error) {
      console.log(`FAILED   ${name}\n${error instanceof Error ? error.message : error}`);
      Deno.exitCode = 1;
    }
  }
}

async function recordRefusals(all: boolean, outcome: (refusal: Refusal) => Promise<string>): Promise<void> {
  const refusals = [...await readRefusals()];
  for (const [at, refusal] of refusals.entries()) {
    if (!all && refusal.recorded !== undefined) continue;
    const recorded = await outcome(refusal);
    refusals[at] = { ...refusal, recorded };
    if (recorded !== refusal.recorded) console.log(`${recorded.padEnd(16)} ${refusal.title}`);
  }
  await writeRefusals(refusals);
}

await main();
