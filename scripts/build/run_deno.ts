/**
 * Runs the Deno command line, without colours and without asking for newer versions.
 *
 * @module
 */

/** How to run it. */
export interface DenoRun {
  readonly cwd: string;
  /** Another deno than the one that runs this. */
  readonly deno?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs it to its end; `said` is what it printed, both streams. */
export async function runDeno(
  args: readonly string[],
  { cwd, deno = Deno.execPath(), env = {} }: DenoRun,
): Promise<{ readonly success: boolean; readonly said: string }> {
  const { success, stdout, stderr } = await new Deno.Command(deno, {
    args: [...args],
    cwd,
    env: { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1", ...env },
  }).output();
  return { success, said: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
}
