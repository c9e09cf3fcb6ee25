/**
 * An archive or a folder in S3 as build context, or in any store that speaks its protocol.
 *
 * `S3_ENDPOINT` and `S3_FORCE_PATH_STYLE` are kaniko's (kaniko.md 2.2), all else is what the AWS tools know.
 *
 * @module
 */
import type { S3Location } from "./context_location.ts";
import type { ContextSource } from "./context_source.ts";
import { createObjectSource, type ObjectSourceParts } from "./object_source.ts";
import { openS3Store } from "./s3_store.ts";

/** Makes the source of a context in S3. */
export function createS3Source({ bucket, key }: S3Location, parts: ObjectSourceParts): ContextSource {
  return createObjectSource({
    url: `s3://${bucket}/${key}`,
    key,
    open: ({ report }) => openS3Store({ bucket, report, source: parts }),
  }, parts);
}
