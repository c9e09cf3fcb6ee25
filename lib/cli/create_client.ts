/**
 * The registry client of a build, with every source of credentials there is.
 *
 * @module
 */
import { dirname } from "node:path/posix";
import type { Gate } from "../async/gate.ts";
import { rememberCertificates } from "../http/trusted_certificates.ts";
import { createRegistryClient } from "../registry/client.ts";
import { behindGate } from "../registry/credentials/behind_gate.ts";
import { dockerAuthConfig } from "../registry/credentials/docker_auth_config.ts";
import { dockerConfig } from "../registry/credentials/docker_config.ts";
import { environmentCredentials } from "../registry/credentials/environment.ts";
import { firstOf } from "../registry/credentials/first_of.ts";
import type { Registry } from "../registry/registry.ts";
import { IMAGE_DIRECTORY } from "./isolation_options.ts";
import type { RegistryOptions } from "./registry_options.ts";
import type { BuildContext } from "./build_context.ts";
import { VERSION } from "./version.ts";

/** Tries of a request after the first, unless told. */
const RETRIES = 4;

/** Creates the client. Credentials are looked for while nobody is alone behind the gate. */
export function createClient(
  options: RegistryOptions,
  { host, report }: BuildContext,
  { gate, retries = RETRIES }: { readonly gate: Gate; readonly retries?: number },
): Registry {
  const environment = (name: string): string | undefined => host.env(name);
  const ownDirectory = dirname(host.executable);
  const certificates = rememberCertificates(environment);
  return createRegistryClient({
    ...options,
    environment,
    tls: () => {
      const ca = certificates();
      return ca === undefined ? undefined : { ca };
    },
    report,
    version: VERSION,
    retries,
    credentials: behindGate(
      firstOf([
        dockerAuthConfig(environment),
        dockerConfig({ environment, ...(ownDirectory === IMAGE_DIRECTORY ? { ownDirectory } : {}) }),
        environmentCredentials(environment),
      ]),
      gate,
    ),
  });
}
