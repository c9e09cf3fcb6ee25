/**
 * How a script that people start ends: what went wrong in one line, and an exit code.
 *
 * @module
 */

/** Runs the script. The code is 0 unless `main` returns another; 1 if it throws. */
export async function runMain(main: () => Promise<number | void>): Promise<void> {
  try {
    Deno.exitCode = await main() ?? Deno.exitCode;
  } catch (error) {
    console.error(`error: ${error instanceof Error ? error.message : error}`);
    Deno.exitCode = 1;
  }
}
