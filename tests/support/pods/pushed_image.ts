/**
 * Reading what a pod has pushed.
 *
 * @module
 */
import { join } from "node:path/posix";
import { run } from "../environment/command.ts";
import { type FlatImage, flatten } from "../environment/flatten.ts";

/** Reads an image; `credentials` are `user:password`. */
export async function pushedImage(reference: string, credentials?: string): Promise<FlatImage> {
  const folder = await Deno.makeTempDir({ prefix: "kiln-pushed-" });
  try {
    const access = ["--src-tls-verify=false", ...credentials === undefined ? [] : [`--src-creds=${credentials}`]];
    await run(["skopeo", "copy", "--quiet", ...access, `docker://${reference}`, `oci:${folder}/l:1`]);
    return await flatten(join(folder, "l"));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
