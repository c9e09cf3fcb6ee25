/**
 * Credentials in the variable `DOCKER_AUTH_CONFIG`: a Docker config with nothing but `auths` (kaniko.md 2.2).
 *
 * @module
 */
import { KilnError } from "../../errors.ts";
import { asObject, type Fields, parseJsonObject } from "../../oci/json.ts";
import type { Repository } from "../../oci/reference.ts";
import type { Environment } from "../../http/proxy.ts";
import { credentialOf, keysFor, valueFor } from "./auths.ts";
import { readingConfig } from "./config_error.ts";
import type { CredentialSource, FoundCredential } from "./credential.ts";

const NAME = "DOCKER_AUTH_CONFIG";

/** Creates the source that reads `DOCKER_AUTH_CONFIG`. */
export function dockerAuthConfig(environment: Environment): CredentialSource {
  return {
    name: NAME,
    find: (target: Repository): Promise<FoundCredential | undefined> =>
      Promise.try(() => {
        const text = environment(NAME);
        return text === undefined || text.trim() === "" ? undefined : findIn(parse(text), target);
      }),
  };
}

function findIn(auths: Fields, target: Repository): FoundCredential | undefined {
  for (const key of keysFor(target)) {
    const entry = valueFor(auths, key);
    if (entry === undefined) continue;
    const what = `the entry "${key}" of ${NAME}`;
    const credential = readingConfig(() => credentialOf(asObject(entry, what), what));
    if (credential !== undefined) return { credential, origin: NAME };
  }
  return undefined;
}

function parse(text: string): Fields {
  const fields = readingConfig(() => parseJsonObject(new TextEncoder().encode(text), NAME));
  const other = Object.keys(fields).find((key) => key !== "auths");
  if (other !== undefined) {
    throw new KilnError("usage", `Cannot read ${NAME}: it may hold only "auths", and has ${JSON.stringify(other)}`, {
      hint: "put credential helpers into the config.json in $DOCKER_CONFIG",
    });
  }
  return readingConfig(() => asObject(fields["auths"] ?? {}, `"auths" of ${NAME}`));
}
