/**
 * An image or artifact in an OCI image layout of this machine as build context.
 *
 * @module
 */
import { layoutReference, layoutRegistry } from "../image/layout_registry.ts";
import type { LayoutLocation } from "./context_location.ts";
import type { ContextSource } from "./context_source.ts";
import { createImageSource, type ImageParts } from "./image.ts";

/** Makes the source. */
export function createLayoutSource(
  { path, tag, digest }: LayoutLocation,
  parts: Omit<ImageParts, "registry">,
): ContextSource {
  const image = { ...(tag === undefined ? {} : { tag }), ...(digest === undefined ? {} : { digest }) };
  return createImageSource(layoutReference(path, image), { ...parts, registry: layoutRegistry(path) });
}
