/**
 * Credentials in `KANIKO_<HOST>_USER` and `KANIKO_<HOST>_PASSWORD` (kaniko.md 2.1).
 *
 * The host is written in upper case with "_" for "-" and "."; of its labels the leading ones may be left out:
 * `KANIKO_REG_EXAMPLE_COM_USER`, then `KANIKO_EXAMPLE_COM_USER`, then `KANIKO_COM_USER`. The port plays no part. Docker
 * Hub is `index.docker.io`.
 *
 * @module
 */
import type { Repository } from "../../oci/reference.ts";
import { localityOf } from "../../http/address.ts";
import type { Environment } from "../../http/proxy.ts";
import type { CredentialSource, FoundCredential } from "./credential.ts";

/** Creates the source that reads the environment. */
export function environmentCredentials(environment: Environment): CredentialSource {
  return {
    name: "KANIKO_<HOST>_USER and KANIKO_<HOST>_PASSWORD",
    find: ({ registry }: Repository): Promise<FoundCredential | undefined> => {
      const host = registry === "docker.io" ? "index.docker.io" : registry.replace(/:[0-9]+$/, "");
      for (const name of namesFor(host)) {
        const username = environment(`${name}_USER`);
        const password = environment(`${name}_PASSWORD`);
        if (username && password) {
          return Promise.resolve({
            credential: { kind: "basic", username, password },
            origin: `${name}_USER and ${name}_PASSWORD`,
          });
        }
      }
      return Promise.resolve(undefined);
    },
  };
}

/** Most specific first. The parts of an address are no domains: only the whole is asked for. */
function namesFor(host: string): readonly string[] {
  const plain = host.replace(/^\[|\]$/g, "");
  const labels = localityOf(plain) === undefined ? plain.split(".") : [plain];
  return labels.map((_, at) => `KANIKO_${labels.slice(at).join("_").toUpperCase().replace(/[^A-Z0-9_]/g, "_")}`);
}
