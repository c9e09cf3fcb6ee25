/**
 * An archive or a folder in Azure Blob Storage as build context.
 *
 * @module
 */
import { openAzureStore } from "./azure_store.ts";
import type { AzureLocation } from "./context_location.ts";
import type { ContextSource } from "./context_source.ts";
import { createObjectSource, type ObjectSourceParts } from "./object_source.ts";

/** Makes the source of a context in Azure Blob Storage. */
export function createAzureSource(location: AzureLocation, parts: ObjectSourceParts): ContextSource {
  const { endpoint, container, path } = location;
  return createObjectSource({
    url: `${endpoint}/${container}/${path}`,
    key: path,
    open: ({ report }) => openAzureStore({ location, report, source: parts }),
  }, parts);
}
