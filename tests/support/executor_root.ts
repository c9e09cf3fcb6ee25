/**
 * The root of the executor image as a folder, made straight from the sources: what `executor_image.ts` makes with the
 * executor itself, without layers around it.
 *
 * @module
 */
import { writeRoot } from "../../scripts/image/write_root.ts";
import { cached } from "./environment/cache.ts";
import { ensureTools } from "./environment/tools.ts";
import { digestSources } from "./executor_image.ts";

/** Returns a folder with `/kaniko` and an empty `/workspace`. Nobody may write to it. */
export async function executorRoot(): Promise<string> {
  await ensureTools(["patchelf"]);
  return await cached({
    name: "executor-root",
    inputs: [Deno.version.deno, await digestSources()],
    what: "the root of the executor image",
    async make(folder): Promise<void> {
      await Deno.mkdir(`${folder}/workspace`);
      await writeRoot({ root: folder });
    },
  });
}
