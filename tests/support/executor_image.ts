/**
 * The executor image, made from the repository's `Dockerfile` by the executor from source, on bases of this machine.
 *
 * It is kept in the cache for as long as nothing changes that goes into it.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { join } from "node:path/posix";
import { cached } from "./environment/cache.ts";
import { run } from "./environment/command.ts";
import { prepared } from "./environment/environment.ts";
import { type LocalRegistry, startRegistry } from "./environment/registry_server.ts";
import { EXECUTOR } from "./executor_site.ts";

const ROOT = join(import.meta.dirname ?? ".", "../..");

/** A variant of the image: a stage of `Dockerfile`. */
export type ImageVariant = "executor" | "debug";

/** When the files of the image were made, whatever the last commit says: 2026-01-01. */
export const IMAGE_EPOCH = "1767225600";

/** The bases that {@link imageArguments} names. */
export const IMAGE_BASES = ["builder", "runtime"] as const;

/** Returns the OCI layout of the image, making it when it is not in the cache. */
export async function executorImage(variant: ImageVariant = "executor"): Promise<string> {
  const { layouts } = await prepared({ bases: IMAGE_BASES });
  return await cached({
    name: `image-${variant}`,
    inputs: [layouts.builder ?? "", layouts.runtime ?? "", await digestSources()],
    what: `the ${variant} image`,
    make: async (folder) => {
      await using registry = await startRegistry({ bases: IMAGE_BASES });
      const command = [...EXECUTOR, ...imageArguments(registry), `--target=${variant}`, "--no-push"];
      await run([...command, `--oci-layout-path=${folder}`, `--work-dir=${join(folder, "work")}`], {
        env: { SOURCE_DATE_EPOCH: IMAGE_EPOCH },
      });
      await run(["rm", "-rf", "--one-file-system", join(folder, "work")]);
    },
  });
}

/** Flags that build the image of this checkout with the bases of a registry. */
export function imageArguments(registry: LocalRegistry, context: string = ROOT): readonly string[] {
  return [
    `--context=dir://${context}`,
    `--dockerfile=${join(context, "Dockerfile")}`,
    `--build-arg=BASE=${registry.base("builder")}`,
    `--build-arg=RUNTIME=${registry.base("runtime")}`,
    "--insecure-pull",
  ];
}

/** The digest of everything that the image is made of. */
export async function digestSources(): Promise<string> {
  const hash = createHash("sha256");
  for (const name of ["Dockerfile", ".dockerignore", "deno.json", "deno.lock", "main.ts", "lib", "scripts"]) {
    for await (const path of filesBelow(join(ROOT, name))) hash.update(path).update(await Deno.readFile(path));
  }
  return hash.digest("hex");
}

async function* filesBelow(path: string): AsyncGenerator<string> {
  if ((await Deno.stat(path)).isFile) return yield path;
  const names: string[] = [];
  for await (const entry of Deno.readDir(path)) names.push(entry.name);
  for (const name of names.sort()) yield* filesBelow(join(path, name));
}
