/**
 * Registries and OCI layouts as one: a reference says which of them it is in.
 *
 * @module
 */
import type { Repository } from "../oci/reference.ts";
import { isLayout, layoutRegistry } from "./layout_registry.ts";
import type { ImageRegistry } from "./pull.ts";

/** Returns a registry that also knows the references of `layoutReference`. */
export function withLayouts(registry: ImageRegistry): ImageRegistry {
  const of = (repository: Repository): ImageRegistry =>
    isLayout(repository) ? layoutRegistry(repository.repository) : registry;
  return {
    manifest: (reference, signal) => of(reference).manifest(reference, signal),
    blob: (repository, blob, signal) => of(repository).blob(repository, blob, signal),
  };
}
