/**
 * Credentials that are only looked for while the files they come from are our own.
 *
 * Where a command has the root we are in, it could put its own config in the place of ours, or a program in that of a
 * helper (attacks S29, S30).
 *
 * @module
 */
import type { Gate } from "../../async/gate.ts";
import { formatRepository, type Repository } from "../../oci/reference.ts";
import type { CredentialSource, FoundCredential } from "./credential.ts";

/**
 * Returns a source that does not ask another one while somebody is alone behind the gate: it gives what was found last
 * for the repository, or waits if nothing ever was looked for.
 */
export function behindGate(source: CredentialSource, gate: Gate): CredentialSource {
  const known = new Map<string, FoundCredential | undefined>();
  return {
    name: source.name,
    async find(target: Repository, signal: AbortSignal): Promise<FoundCredential | undefined> {
      const key = formatRepository(target);
      if (gate.isAlone && known.has(key)) return known.get(key);
      using _turn = await gate.together(signal);
      const found = await source.find(target, signal);
      known.set(key, found);
      return found;
    },
  };
}
