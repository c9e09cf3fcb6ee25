/**
 * From where a context is to the source that fetches it. What brings an SDK is loaded only when it is used.
 *
 * @module
 */
import { KilnError } from "../errors.ts";
import type { Digest } from "../oci/digest.ts";
import { createArchiveSource, createStdinSource, type StandardInput } from "./archive.ts";
import type { ContextLocation, DirectoryLocation } from "./context_location.ts";
import type { ContextSource, SourceParts } from "./context_source.ts";

/** A context that has to be fetched. */
export type FetchedLocation = Exclude<ContextLocation, DirectoryLocation>;

/** What sources are made of. */
export interface OpenParts extends SourceParts, StandardInput {
  /** The digest the context's archive must have. */
  readonly checksum?: Digest;
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
      return createArchiveSource(location, archive);
    case "stdin":
      return createStdinSource(parts, archive);
    case "http": {
      const { createHttpSource } = await import("./http.ts");
      return createHttpSource(location, parts);
    }
    default:
      throw notYet(location.kind);
  }
}

function notYet(kind: string): KilnError {
  return new KilnError("usage", `Cannot use --context: Kiln does not support contexts of the kind "${kind}" yet`);
}
