/**
 * Several sources of credentials, asked in order.
 *
 * @module
 */
import type { Repository } from "../../oci/reference.ts";
import type { CredentialSource, FoundCredential } from "./credential.ts";

/** Returns a source that takes the first credential any of the given ones has. */
export function firstOf(sources: readonly CredentialSource[]): CredentialSource {
  return {
    name: sources.map(({ name }) => name).join(", "),
    async find(target: Repository, signal: AbortSignal): Promise<FoundCredential | undefined> {
      for (const source of sources) {
        const found = await source.find(target, signal);
        if (found !== undefined) return found;
      }
      return undefined;
    },
  };
}
