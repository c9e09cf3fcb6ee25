/**
 * Saying what the environment is doing, on standard error: results and test output stay alone on standard output.
 *
 * @module
 */

/** Prints one line. */
export function tell(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`environment: ${text}\n`));
}
