/**
 * The static checks, together: format, lint, types, import rules, floating promises, versions, attack cases, rules of the language.
 *
 *     deno run -A scripts/check.ts
 *
 * @module
 */
import { join } from "node:path/posix";

/** One check and how it went. */
export interface CheckResult {
  readonly name: string;
  readonly passed: boolean;
  readonly seconds: number;
  /** What it printed, both streams. */
  readonly output: string;
}

const CHECKS: Readonly<Record<string, readonly string[]>> = {
  format: ["fmt", "--check"],
  lint: ["lint"],
  types: ["check", "."],
  imports: ["run", "-A", "scripts/check_imports.ts"],
  promises: ["run", "-A", "scripts/check_promises.ts"],
  versions: ["run", "-A", "scripts/check_versions.ts"],
  cases: ["run", "-A", "scripts/check_cases.ts"],
  rules: ["run", "-A", "scripts/check_rules.ts"],
};

/** Runs every check, side by side, and tells each result as it comes. */
export async function runChecks(tell: (result: CheckResult) => void): Promise<readonly CheckResult[]> {
  return await Promise.all(
    Object.entries(CHECKS).map(async ([name, args]) => {
      const result = await runCheck(name, args);
      tell(result);
      return result;
    }),
  );
}

/** Prints a result: one line when it passed, everything it said when not. */
export function printCheck(result: CheckResult): void {
  console.log(`${result.passed ? "ok    " : "FAILED"} ${result.name} (${result.seconds.toFixed(1)} s)`);
  if (!result.passed) console.log(result.output.trimEnd().replaceAll(/^/gm, "  "));
}

async function runCheck(name: string, args: readonly string[]): Promise<CheckResult> {
  const started = performance.now();
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd: join(import.meta.dirname ?? ".", ".."),
    env: { NO_COLOR: "1" },
  }).output();
  const output = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  return { name, passed: success, seconds: (performance.now() - started) / 1000, output };
}

if (import.meta.main) {
  const results = await runChecks(printCheck);
  if (results.some((result) => !result.passed)) Deno.exitCode = 1;
}
