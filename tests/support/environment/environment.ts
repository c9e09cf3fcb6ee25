/**
 * The one entry to the test environment: a test says what it leans on and gets it, installed and made when missing.
 *
 *     const { layouts } = await prepared({ tools: ["umoci"], bases: ["busybox"] });
 *     await using registry = await startRegistry({ bases: ["busybox"] });
 *     ... registry.host, registry.base("busybox"), layouts.busybox ...
 *
 * It works the same in a test run alone and under `deno task test`, which only makes everything beforehand so that
 * nobody waits for debootstrap inside a test.
 *
 * @module
 */
import { baseLayout, type BaseName, BASES } from "./bases.ts";
import { cacheFolder } from "./cache.ts";
import { GO_PROGRAMS, goProgram } from "../go_program.ts";
import { startRegistry } from "./registry_server.ts";
import { ensureTools, type Tool } from "./tools.ts";

/** What a test leans on. */
export interface Wants {
  readonly tools?: readonly Tool[];
  readonly bases?: readonly BaseName[];
}

/** What is there. */
export interface Environment {
  /** The cache folder, for things that are slow to make (`cache.ts: cached`). */
  readonly cache: string;
  /** Where the OCI layout of each wanted base is. */
  readonly layouts: Readonly<Partial<Record<BaseName, string>>>;
}

/** Everything the ordinary lanes of the suite lean on. */
export const EVERYTHING: Wants = {
  tools: [
    "busybox",
    "docker-registry",
    "skopeo",
    "umoci",
    "debootstrap",
    "podman",
    "buildah",
    "crun",
    "getfattr",
    "getcap",
    "xz",
    "bzip2",
    "zstd",
    "git",
    "python3",
    "pip3",
    "bsdtar",
  ],
  bases: BASES,
};

/** Installs and makes what is missing; throws an `Error` that says what to do when it cannot. */
export async function prepared(wants: Wants): Promise<Environment> {
  await ensureTools(wants.tools ?? []);
  const layouts: Partial<Record<BaseName, string>> = {};
  for (const base of wants.bases ?? []) layouts[base] = await baseLayout(base);
  return { cache: cacheFolder(), layouts };
}

/** Prepares everything, the seeds of the registries too, so that tests find it ready. */
export async function prepareEverything(): Promise<void> {
  const { bases } = EVERYTHING;
  await prepared(EVERYTHING);
  for (const program of Object.values(GO_PROGRAMS)) await goProgram(program);
  await using _registry = await startRegistry(bases === undefined ? {} : { bases });
}
