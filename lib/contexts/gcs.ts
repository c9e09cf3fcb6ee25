/**
 * An archive or a folder in Google Cloud Storage as build context.
 *
 * Credentials are the application default credentials: `GOOGLE_APPLICATION_CREDENTIALS` (a service account, or workload
 * identity federation), those of gcloud, or those of the machine; without any, requests are anonymous. An endpoint of
 * one's own is named by `STORAGE_EMULATOR_HOST`, without credentials, or by `CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE`,
 * with them.
 *
 * @module
 */
import type { GcsLocation } from "./context_location.ts";
import type { ContextSource } from "./context_source.ts";
import { openGcsStore } from "./gcs_store.ts";
import { createObjectSource, type ObjectSourceParts } from "./object_source.ts";

/** Makes the source of a context in Google Cloud Storage. */
export function createGcsSource({ bucket, key }: GcsLocation, parts: ObjectSourceParts): ContextSource {
  return createObjectSource({
    url: `gs://${bucket}/${key}`,
    key,
    open: ({ report }) => openGcsStore({ bucket, report, source: parts }),
  }, parts);
}
