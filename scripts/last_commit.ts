/**
 * When the source was last changed: the time that what is made of it carries.
 *
 * @module
 */

/** Returns the time of the last commit in seconds since 1970; of a source without history, 0. */
export async function lastCommit(source: string): Promise<string> {
  try {
    const { success, stdout } = await new Deno.Command("git", {
      args: ["-C", source, "log", "-1", "--format=%ct"],
      stderr: "null",
    }).output();
    return success ? new TextDecoder().decode(stdout).trim() : "0";
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "0";
    throw error;
  }
}
