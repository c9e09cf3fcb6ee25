/**
 * Runs the suite: prepares what tests lean on, runs the static checks, then every test, and ends with one line that
 * counts them all.
 *
 *     deno task test                      everything but tests/full
 *     deno task test:full                 everything
 *     deno task test tests/unit/tar ...   only these files or folders, without the checks
 *
 * A check counts as a test. A file that could not be loaded, or that reported nothing, counts as failed.
 *
 * @module
 */
import { dirname, join, relative } from "node:path/posix";
import { prepareEverything } from "../tests/support/environment/environment.ts";
import { printCheck, runChecks } from "./check.ts";
import { countTests } from "./junit.ts";

interface Tally {
  passed: number;
  failed: number;
  skipped: number;
}

const ROOT = join(import.meta.dirname ?? ".", "..");
const LONG = "tests/full";

async function main(): Promise<void> {
  const full = Deno.args.includes("--full");
  const named = Deno.args.filter((argument) => !argument.startsWith("--"));
  const unknown = Deno.args.find((argument) => argument.startsWith("--") && argument !== "--full");
  if (unknown !== undefined) throw new Error(`Cannot run the tests: unknown option "${unknown}"`);
  const tally: Tally = { passed: 0, failed: 0, skipped: 0 };
  await prepareEverything();
  if (named.length === 0) {
    for (const { passed } of await runChecks(printCheck)) passed ? tally.passed++ : tally.failed++;
  }
  const files = (named.length > 0 ? named : ["tests"]).flatMap((path) => testFiles(path));
  const ordinary = files.filter((file) => named.length > 0 || !file.startsWith(`${LONG}/`));
  await runTests(ordinary, "parallel", tally);
  // The long lanes measure memory and time: one after the other.
  if (full) await runTests(files.filter((file) => file.startsWith(`${LONG}/`)), "serial", tally);
  const skipped = tally.skipped > 0 ? `, ${tally.skipped} skipped` : "";
  console.log(`\n${tally.passed} passed, ${tally.failed} failed${skipped}`);
  if (tally.failed > 0 || tally.passed === 0) Deno.exitCode = 1;
}

async function runTests(files: readonly string[], mode: "parallel" | "serial", tally: Tally): Promise<void> {
  if (files.length === 0) return;
  const report = await Deno.makeTempFile({ prefix: "kiln-junit-", suffix: ".xml" });
  try {
    const flags = ["-A", "--no-check", "--sanitize-ops", "--sanitize-resources", `--junit-path=${report}`];
    if (mode === "parallel") flags.push("--parallel");
    // In CI a lock file that does not match is a fault, not something to mend.
    if (Deno.env.get("CI") !== undefined) flags.push("--frozen");
    const child = new Deno.Command(Deno.execPath(), { args: ["test", ...flags, ...files], cwd: ROOT }).spawn();
    const { success } = await child.status;
    const counts = countTests(await Deno.readTextFile(report));
    tally.passed += counts.passed;
    tally.failed += counts.failed;
    tally.skipped += counts.skipped;
    const silent = files.filter((file) => !definesTests(file, counts.files));
    for (const file of silent) console.error(`FAILED ${file}: it reported no test`);
    tally.failed += silent.length;
    if (!success && counts.failed === 0 && silent.length === 0) {
      console.error("FAILED deno test: it failed although no test did");
      tally.failed++;
    }
  } finally {
    await Deno.remove(report);
  }
}

/**
 * Whether a file is among those the report names, or reaches one: a report names where `Deno.test` was called, which
 * for tables and contracts is a module that the test file uses.
 */
function definesTests(file: string, reported: ReadonlySet<string>, seen: Set<string> = new Set()): boolean {
  if (reported.has(`./${file}`)) return true;
  if (seen.has(file) || !file.startsWith("tests/")) return false;
  seen.add(file);
  const imports = Deno.readTextFileSync(join(ROOT, file)).matchAll(/ from "(\.[^"]*)"/g);
  return [...imports].some(([, path = ""]) => definesTests(join(dirname(file), path), reported, seen));
}

function testFiles(path: string): readonly string[] {
  const absolute = join(path.startsWith("/") ? "/" : ROOT, path);
  if (Deno.statSync(absolute).isFile) return [relative(ROOT, absolute)];
  const entries = [...Deno.readDirSync(absolute)].sort((a, b) => a.name < b.name ? -1 : 1);
  return entries.flatMap((entry) => {
    if (entry.isDirectory) return testFiles(join(absolute, entry.name));
    return entry.isFile && entry.name.endsWith("_test.ts") ? [relative(ROOT, join(absolute, entry.name))] : [];
  });
}

if (import.meta.main) {
  try {
    await main();
  } catch (error) {
    console.error(`error: ${error instanceof Error ? error.message : error}`);
    console.log("\n0 passed, 1 failed");
    Deno.exitCode = 1;
  }
}
