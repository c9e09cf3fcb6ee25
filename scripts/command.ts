/**
 * Running a program that says nothing unless it fails.
 *
 * @module
 */

/** Runs a program to its end. @throws {Error} with what it said, if it fails */
export async function command(words: readonly string[], options: { readonly cwd?: string } = {}): Promise<void> {
  const [program = "", ...args] = words;
  const { success, stderr } = await new Deno.Command(program, { ...options, args, stdout: "null" }).output();
  if (!success) throw new Error(`Cannot run "${words.join(" ")}": ${new TextDecoder().decode(stderr).trim()}`);
}
