/**
 * From where a context is to the source that fetches it. What brings an SDK is loaded only when it is used.
 *
 * @module
 */
import type { Digest } from "../oci/digest.ts";
import { createArchiveSource, createStdinSource, type StandardInput } from "./archive.ts";
import type { ContextLocation, DirectoryLocation } from "./context_location.ts";
import type { ContextSource, SourceParts } from "./context_source.ts";
import type { GitSourceOptions } from "./git.ts";
import { createImageSource, type ImageParts } from "./image.ts";
import { createLayoutSource } from "./layout.ts";

/** A context that has to be fetched. */
export type FetchedLocation = Exclude<ContextLocation, DirectoryLocation>;

/** What sources are made of. */
export interface OpenParts extends SourceParts, StandardInput {
  /** What images are fetched with. */
  readonly images: ImageParts;
  /** The digest the context's archive must have. */
  readonly checksum?: Digest;
  /** What is wanted of a git repository besides what its location says. */
  readonly git?: GitSourceOptions;
}

/**
 * Makes the source of a context.
 *
 * @throws {KilnError} kind `usage`, for credentials and options of this source that cannot be used.
 */
export async function openContext(location: FetchedLocation, parts: OpenParts): Promise<ContextSource> {
  const archive = parts.checksum === undefined ? {} : { checksum: parts.checksum };
  switch (location.kind) {
    case "archive":
      return createArchiveSource(location, parts, archive);
    case "stdin":
      return createStdinSource(parts, archive);
    case "http": {
      const { createHttpSource } = await import("./http.ts");
      return createHttpSource(location, parts);
    }
    case "s3": {
      const { createS3Source } = await import("./s3.ts");
      return createS3Source(location, parts);
    }
    case "gcs": {
      const { createGcsSource } = await import("./gcs.ts");
      return createGcsSource(location, parts);
    }
    case "azure": {
      const { createAzureSource } = await import("./azure.ts");
      return createAzureSource(location, parts);
    }
    case "git": {
      const { createGitSource } = await import("./git.ts");
      return createGitSource(location, parts, parts.git);
    }
    case "image":
      return createImageSource(location.reference, parts.images);
    case "layout":
      return createLayoutSource(location, parts.images);
  }
}
