/**
 * The folder of a test case, made ready to build: `Dockerfile`, `context/`, and what only a program can put there.
 *
 * | in the case       | what it is                                                                                  |
 * | ----------------- | ------------------------------------------------------------------------------------------- |
 * | `Dockerfile`      | `REGISTRY/` stands for the loopback registry with the bases                                  |
 * | `context/`        | the build context                                                                           |
 * | `make_context.sh` | run in the copied context: links, modes, owners, archives, names that git does not carry    |
 * | `Dockerfile.dockerignore` | goes beside the Dockerfile, outside of the context                                  |
 * | `flags`           | flags, one a line; `{CASE}` stands for the copy of this folder, `REGISTRY/` as above          |
 * | `environment`     | variables of the executor, one `NAME=value` a line                                          |
 * | `isolations`      | those it can be built with, one a line; all unless told: an ordinary user may not make     |
 * |                   | devices, nor read what is others' only                                                     |
 *
 * The folder around a case may hold a `context/` and a `make_context.sh` too: its cases share them, and what they have
 * themselves goes on top.
 *
 * Files of the context are root's, 0644 or 0755, and dated {@link CONTEXT_SECONDS}; `make_context.sh` may change that.
 *
 * @module
 */
import { dirname, join } from "node:path/posix";
import { run } from "./environment/command.ts";

/** A case, ready to build. */
export interface CaseContext {
  readonly name: string;
  readonly dockerfile: string;
  readonly context: string;
  readonly flags: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Where it can be built; undefined: everywhere. */
  readonly isolations: readonly string[] | undefined;
}

/** Date of every file in a context: 2001-09-09. */
export const CONTEXT_SECONDS = 1_000_000_000;

/** Where a case comes from and goes to. */
export interface CaseCopy {
  /** The folder in the repository. */
  readonly from: string;
  /** An existing folder. */
  readonly to: string;
  /** What `REGISTRY` stands for. */
  readonly registry: string;
  /** Leaves the date of the context's root as it is made, as BuildKit does, which never sends it. */
  readonly rootIsNew?: boolean;
}

/** Copies a case and makes its context. */
export async function makeCaseContext({ from, to, registry, rootIsNew = false }: CaseCopy): Promise<CaseContext> {
  const context = join(to, "context");
  await Deno.mkdir(context);
  const folders = [dirname(from), from];
  for (const shared of folders.map((folder) => join(folder, "context")).filter(exists)) {
    await run(["cp", "-a", `${shared}/.`, context]);
  }
  // Whatever the umask of the checkout was: group and others may read, and never write.
  await run(["chmod", "-R", "u=rwX,go=rX", context]);
  await run(["chown", "-R", "0:0", context]);
  for (const script of folders.map((folder) => join(folder, "make_context.sh")).filter(exists)) {
    await run(["sh", "-eu", script], { cwd: context });
  }
  const young = [...rootIsNew ? ["-mindepth", "1"] : [], "-newermt", "2002-01-01"];
  await run(["find", context, ...young, "-exec", "touch", "-h", "-d", `@${CONTEXT_SECONDS}`, "{}", "+"]);
  if (rootIsNew) await run(["touch", context]);
  const dockerfile = join(to, "Dockerfile");
  const text = await Deno.readTextFile(join(from, "Dockerfile"));
  await Deno.writeTextFile(dockerfile, text.replaceAll("REGISTRY/", `${registry}/`));
  const ignore = join(from, "Dockerfile.dockerignore");
  if (exists(ignore)) await Deno.copyFile(ignore, `${dockerfile}.dockerignore`);
  const isolations = await readLines(join(from, "isolations"));
  return {
    name: from.split("/").slice(-2).join("/"),
    dockerfile,
    context,
    isolations: isolations.length === 0 ? undefined : isolations,
    flags: (await readLines(join(from, "flags"))).map((flag) =>
      flag.replaceAll("{CASE}", to).replaceAll("REGISTRY/", `${registry}/`)
    ),
    environment: Object.fromEntries(
      (await readLines(join(from, "environment"))).map((line) => {
        const [name = "", ...value] = line.split("=");
        return [name, value.join("=")];
      }),
    ),
  };
}

/** The folders below a folder that hold a Dockerfile, sorted; contexts, which may hold one too, are none. */
export function findCases(folder: string): readonly string[] {
  const found: string[] = [];
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    const path = join(folder, name);
    if (isDirectory && name !== "context") found.push(...exists(join(path, "Dockerfile")) ? [path] : findCases(path));
  }
  return found.sort();
}

async function readLines(path: string): Promise<readonly string[]> {
  return exists(path) ? (await Deno.readTextFile(path)).split("\n").filter((line) => line !== "") : [];
}

function exists(path: string): boolean {
  try {
    return Deno.lstatSync(path) !== undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
