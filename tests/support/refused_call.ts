/**
 * Has the kernel refuse one call of the builder, by strace.
 *
 * @module
 */
import { findProgram, run } from "./environment/command.ts";
import { ensureTools } from "./environment/tools.ts";

/** Which call is refused: of each thread apart, the one with this number, from 1, or that and all later ones ("60+"). */
export interface RefusedCall {
  readonly call: string;
  readonly error: string;
  readonly at: number | `${number}+`;
}

/** Returns the words between strace and the program; the calls are written to `trace`, refused ones marked with "(INJECTED)". */
export function refusing({ call, error, at }: RefusedCall, trace: string): readonly string[] {
  const inject = ["-e", `trace=${call}`, "-e", `inject=${call}:error=${error}:when=${at}`];
  return ["-f", "--seccomp-bpf", "-qqq", "-o", trace, ...inject];
}

/** Puts strace, with what it loads, into a folder, and returns what runs it where the machine's libraries are not. */
export async function portableStrace(folder: string): Promise<readonly string[]> {
  await ensureTools(["strace"]);
  const strace = findProgram("strace") ?? "strace";
  const { stdout } = await run(["ldd", strace]);
  const libraries = [...stdout.matchAll(/(\/\S+) \(0x/g)].map(([, path = ""]) => path);
  await Deno.mkdir(folder);
  await run(["cp", "--dereference", strace, ...libraries, folder]);
  const loader = libraries.find((path) => /\/ld-[^/]*$/.test(path))?.split("/").at(-1);
  return [`${folder}/${loader}`, "--library-path", folder, `${folder}/strace`];
}
