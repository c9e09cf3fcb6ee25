/**
 * The registry client of a build, with every source of credentials there is.
 *
 * @module
 */
import { dirname } from "node:path/posix";
import { createRegistryClient } from "../registry/client.ts";
import { dockerAuthConfig } from "../registry/credentials/docker_auth_config.ts";
import { dockerConfig } from "../registry/credentials/docker_config.ts";
import { environmentCredentials } from "../registry/credentials/environment.ts";
import { firstOf } from "../registry/credentials/first_of.ts";
import type { Registry } from "../registry/registry.ts";
import type { RegistryOptions } from "./registry_options.ts";
import type { BuildContext } from "./run.ts";
import { VERSION } from "./version.ts";

/** Tries of a request after the first. */
const RETRIES = 4;

/** Creates the client. */
export function createClient(options: RegistryOptions, { host, report }: BuildContext): Registry {
  const environment = (name: string): string | undefined => host.env(name);
  const ownDirectory = dirname(host.executable);
  return createRegistryClient({
    ...options,
    environment,
    report,
    version: VERSION,
    retries: RETRIES,
    credentials: firstOf([
      dockerAuthConfig(environment),
      dockerConfig({ environment, ...(ownDirectory === "/kaniko" ? { ownDirectory } : {}) }),
      environmentCredentials(environment),
    ]),
  });
}
