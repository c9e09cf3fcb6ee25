/**
 * The executor: one command line in, one exit code out.
 *
 * A build moves into a mount namespace of its own before anything else is loaded; see `lib/sys/private_mounts.ts`.
 *
 * @module
 */
import { HIDDEN_HOME, ownHome } from "./lib/sys/hidden_home.ts";
import { enterPrivateMounts, type MountAbility, PRIVATE_MOUNTS_VARIABLE } from "./lib/sys/private_mounts.ts";

/** Commands and flags that build nothing are answered at once, without a second start. */
function isBuild(args: readonly string[]): boolean {
  const [first] = args;
  if (first === undefined || !first.startsWith("-")) return false;
  return !args.some((arg) => ["--help", "-h", "--version"].includes(arg));
}

/** The isolation asked for; whether it makes sense is found out when all flags are read. */
function isolationOf(args: readonly string[]): string | undefined {
  const at = args.findLastIndex((arg) => /^--isolation(=|$)/.test(arg));
  return at < 0 ? undefined : /^--isolation=(.*)$/.exec(args[at] ?? "")?.[1] ?? args[at + 1];
}

/** The Workers' module, beside this one also in a bundle. */
function workerModule(): URL {
  return new URL(import.meta.url.endsWith(".ts") ? "./lib/worker.ts" : "./lib/worker.js", import.meta.url);
}

/** Takes back the home directory that was hidden from Deno. */
function restoreHome(): void {
  if (Deno.env.get("HOME") !== HIDDEN_HOME) return;
  const own = ownHome(new TextDecoder().decode(Deno.readFileSync("/proc/self/environ")));
  if (own === undefined) Deno.env.delete("HOME");
  else Deno.env.set("HOME", own);
}

async function main(): Promise<number> {
  const runner = Deno.env.get("KILN_STEP_RUNNER");
  if (runner !== undefined) {
    const { runSteps } = await import("./lib/sys/step_runner.ts");
    return runSteps(runner);
  }
  restoreHome();
  const mark = Deno.env.get(PRIVATE_MOUNTS_VARIABLE);
  Deno.env.delete(PRIVATE_MOUNTS_VARIABLE);
  const mounts: MountAbility = isBuild(Deno.args)
    ? await enterPrivateMounts({ mark, isolation: isolationOf(Deno.args) })
    : { kind: "no", reason: "this command builds nothing", userNamespaceReason: "this command builds nothing" };
  const { runExecutor } = await import("./lib/cli/executor.ts");
  return await runExecutor(Deno.args, { mounts, workerModule: workerModule() });
}

/** Errors of a build are told by lib/cli; here nothing but the start itself can fail. */
async function run(): Promise<number> {
  try {
    return await main();
  } catch (error) {
    console.error(`error: Cannot start: ${error instanceof Error ? error.message : error}`);
    return 70;
  }
}

Deno.exit(await run());
