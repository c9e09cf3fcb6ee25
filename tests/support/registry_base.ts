/**
 * The base images of the environment in a registry that misbehaves on request.
 *
 * @module
 */
import { join } from "node:path/posix";
import { baseLayout, type BaseName } from "./environment/bases.ts";
import type { FaultRegistry } from "./registry_fault.ts";

/** Puts a base into a registry as `base/NAME:latest`; returns the size of its first layer. */
export async function addBase(registry: FaultRegistry, name: BaseName): Promise<number> {
  const [layout, repository] = [await baseLayout(name), `base/${name}`];
  const index = JSON.parse(await Deno.readTextFile(join(layout, "index.json")));
  const [{ digest, mediaType }] = index.manifests;
  const bytes = await readBlob(layout, digest);
  const manifest = JSON.parse(new TextDecoder().decode(bytes));
  for (const blob of [manifest.config, ...manifest.layers]) {
    registry.blobs.set(`${repository}@${blob.digest}`, await readBlob(layout, blob.digest));
  }
  for (const key of [`${repository}:latest`, `${repository}@${digest}`]) {
    registry.manifests.set(key, { type: mediaType, bytes });
  }
  return manifest.layers[0].size;
}

function readBlob(layout: string, digest: string): Promise<Uint8Array> {
  return Deno.readFile(join(layout, "blobs", digest.replace(":", "/")));
}
