/**
 * Credentials in Docker's or Podman's configuration file.
 *
 * Where it is (kaniko.md 2.2): what `DOCKER_CONFIG` names, a directory with a `config.json` or the file itself; if that
 * does not exist, `.docker/config.json` under Kiln's own directory; without `DOCKER_CONFIG`, `~/.docker/config.json`. If
 * no such file exists, `REGISTRY_AUTH_FILE`, then `$XDG_RUNTIME_DIR/containers/auth.json`,
 * `$XDG_CONFIG_HOME/containers/auth.json` and `~/.config/containers/auth.json`. The first file that exists is the only
 * one that is read; it is read anew at every look-up, as secrets mounted into pods are rotated.
 *
 * What counts in it (kaniko.md 8.4): `auths` by the longest prefix of the repository; `credHelpers` for exactly the
 * repository or the host; `credsStore` for the host. On one level a helper comes before `auths`.
 *
 * @module
 */
import { join } from "node:path";
import { KilnError } from "../../errors.ts";
import { asObject, type Fields, optionalRecord, optionalString, parseJsonObject } from "../../oci/json.ts";
import { formatRepository, type Repository } from "../../oci/reference.ts";
import type { Environment } from "../../http/proxy.ts";
import { credentialOf, keysFor, valueFor } from "./auths.ts";
import { readingConfig } from "./config_error.ts";
import type { Credential, CredentialSource, FoundCredential } from "./credential.ts";
import type { HelperOptions } from "./helper_program.ts";

/** Where to look. */
export interface DockerConfigOptions {
  readonly environment: Environment;
  /** Kiln's own directory (`/kaniko` in its image), if it has one. */
  readonly ownDirectory?: string;
  /** How helper programs are run. */
  readonly helper?: HelperOptions;
}

/** Larger files are refused; a config with hundreds of registries has some tens of KiB. */
const CAP_BYTES = 4 * 1024 * 1024;

/** Creates the source that reads the configuration file. */
export function dockerConfig(options: DockerConfigOptions): CredentialSource {
  return {
    name: "the docker config file",
    async find(target: Repository, signal: AbortSignal): Promise<FoundCredential | undefined> {
      const path = await locate(options);
      if (path === undefined) return undefined;
      const config = await read(path);
      for (const key of keysFor(target)) {
        const found = await findAt(key, { config, path, target, options, signal });
        if (found !== undefined) return found;
      }
      return undefined;
    },
  };
}

interface Config {
  readonly auths: Fields;
  readonly credHelpers: Readonly<Record<string, string>>;
  readonly credsStore: string | undefined;
}

interface LookUp {
  readonly config: Config;
  readonly path: string;
  readonly target: Repository;
  readonly options: DockerConfigOptions;
  readonly signal: AbortSignal;
}

/** Looks on one level: the repository, a path above it, or the host. */
async function findAt(key: string, lookUp: LookUp): Promise<FoundCredential | undefined> {
  const { config, path, target, options, signal } = lookUp;
  const atHost = key === target.registry;
  const named = atHost || key === formatRepository(target) ? valueFor(config.credHelpers, key) : undefined;
  const helper = named ?? (atHost ? config.credsStore : undefined);
  if (typeof helper === "string" && helper !== "") {
    // Loaded when one is named: node:child_process is for few.
    const { askHelper } = await import("./helper_program.ts");
    const server = key === "docker.io" ? "https://index.docker.io/v1/" : key;
    const credential = await askHelper(helper, server, { ...options.helper, signal, namedBy: path });
    if (credential !== undefined) return { credential, origin: `docker-credential-${helper}` };
  }
  const entry = valueFor(config.auths, key);
  if (entry === undefined) return undefined;
  const what = `the entry "${key}" of "${path}"`;
  const credential: Credential | undefined = readingConfig(() => credentialOf(asObject(entry, what), what));
  return credential === undefined ? undefined : { credential, origin: `"${path}"` };
}

async function read(path: string): Promise<Config> {
  const bytes = await Deno.readFile(path).catch((error) => {
    throw new KilnError("usage", `Cannot read the docker config "${path}": ${errorCode(error)}`, { cause: error });
  });
  const what = `the docker config "${path}"`;
  if (bytes.length > CAP_BYTES) throw new KilnError("usage", `Cannot read ${what}: it is larger than 4 MiB`);
  return readingConfig(() => {
    const fields = parseJsonObject(bytes, what);
    return {
      auths: asObject(fields["auths"] ?? {}, `"auths" of ${what}`),
      credHelpers: optionalRecord(fields, "credHelpers", what) ?? {},
      credsStore: optionalString(fields, "credsStore", what) || undefined,
    };
  });
}

/** Returns the path of the first configuration file that exists. */
async function locate({ environment, ownDirectory }: DockerConfigOptions): Promise<string | undefined> {
  const home = environment("HOME");
  const named = environment("DOCKER_CONFIG");
  const candidates: string[] = [];
  if (named) {
    const kind = await kindOf(named);
    if (kind === "file") return named;
    if (kind === "directory") candidates.push(join(named, "config.json"));
    else if (ownDirectory !== undefined) candidates.push(join(ownDirectory, ".docker", "config.json"));
  } else if (home) candidates.push(join(home, ".docker", "config.json"));
  const authFile = environment("REGISTRY_AUTH_FILE");
  if (authFile) candidates.push(authFile);
  const [runtime, config] = [environment("XDG_RUNTIME_DIR"), environment("XDG_CONFIG_HOME")];
  if (runtime) candidates.push(join(runtime, "containers", "auth.json"));
  if (config) candidates.push(join(config, "containers", "auth.json"));
  else if (home) candidates.push(join(home, ".config", "containers", "auth.json"));
  for (const candidate of candidates) if (await kindOf(candidate) === "file") return candidate;
  return undefined;
}

/** A path that cannot be looked at for another reason than that it is not there counts as a file: reading it says why. */
async function kindOf(path: string): Promise<"file" | "directory" | undefined> {
  try {
    return (await Deno.stat(path)).isDirectory ? "directory" : "file";
  } catch (error) {
    const code = errorCode(error);
    return code === "ENOENT" || code === "ENOTDIR" ? undefined : "file";
  }
}

function errorCode(error: unknown): string {
  return typeof error === "object" && error !== null && "code" in error ? String(error.code) : String(error);
}
