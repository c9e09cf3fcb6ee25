/**
 * The registry client: the distribution API behind the contract in `registry.ts`.
 *
 * Source: https://github.com/opencontainers/distribution-spec/blob/main/spec.md
 *
 * @module
 */
import { type Clock, systemClock } from "../async/clock.ts";
import { retry } from "../async/retry.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { formatRepository, type Reference, type Repository } from "../oci/reference.ts";
import type { Report } from "../report/report.ts";
import type { BlobSource } from "../store/blob.ts";
import type { CredentialSource } from "./credentials/credential.ts";
import { downloadBlob } from "./download_blob.ts";
import { fetchManifest } from "./fetch_manifest.ts";
import type { Environment } from "../http/proxy.ts";
import type { PutOutcome, Registry, ServedManifest } from "./registry.ts";
import { RegistryHost } from "./registry_host.ts";
import { storeManifest } from "./store_manifest.ts";
import { createTransport, type Timeouts, type TlsOptions } from "../http/transport.ts";
import { uploadBlob } from "./upload_blob.ts";
import { UploadSession } from "./upload_session.ts";

/** How registries are talked to. */
export interface RegistryClientOptions {
  /** Plain http is allowed for pushes, to every registry. */
  readonly insecurePush: boolean;
  /** Plain http is allowed for pulls, from every registry. */
  readonly insecurePull: boolean;
  /** Plain http is allowed for these; lower case, with the port if references have one. */
  readonly insecureRegistries: ReadonlySet<string>;
  readonly credentials: CredentialSource;
  /** Where the variables of proxies are looked up. */
  readonly environment: Environment;
  readonly report: Report;
  /** Our version, for the user agent. */
  readonly version: string;
  /** What is put behind it in the user agent (`UPSTREAM_CLIENT_TYPE`). */
  readonly clientType?: string;
  /** Tries of a request after the first. */
  readonly retries: number;
  /** Token services on other domains than their registry's that get its credentials: host, with the port if any. */
  readonly trustedRealms?: readonly string[];
  /** Returns how to verify a host (`host:port`, without a default port), if not as usual. */
  readonly tls?: (host: string) => TlsOptions | undefined;
  readonly timeouts?: Partial<Timeouts>;
  readonly clock?: Clock;
  /** Returns an even draw from 0 to 1, for the jitter of pauses. */
  readonly random?: () => number;
}

/** Creates a client for all registries. */
export function createRegistryClient(options: RegistryClientOptions): Registry {
  const { insecurePush, insecurePull, insecureRegistries, version, clientType, environment } = options;
  const transport = createTransport({
    userAgent: clientType === undefined ? `kiln/${version}` : `kiln/${version},${clientType}`,
    environment,
    ...(options.tls === undefined ? {} : { tls: options.tls }),
    ...(options.timeouts === undefined ? {} : { timeouts: options.timeouts }),
  });
  const hosts = new Map<string, RegistryHost>();
  const hostFor = (registry: string, insecureByDefault: boolean): RegistryHost => {
    const insecure = insecureByDefault || insecureRegistries.has(registry);
    const key = `${registry} ${insecure}`;
    const host = hosts.get(key) ?? new RegistryHost(registry, {
      insecure,
      transport,
      credentials: options.credentials,
      trustedRealms: options.trustedRealms ?? [],
      report: options.report,
      retries: options.retries,
      clock: options.clock ?? systemClock,
      random: options.random ?? Math.random,
    });
    hosts.set(key, host);
    return host;
  };
  const forPull = ({ registry }: Repository) => hostFor(registry, insecurePull);
  const forPush = ({ registry }: Repository) => hostFor(registry, insecurePush);
  return {
    manifest: (reference: Reference, signal: AbortSignal): Promise<ServedManifest> =>
      fetchManifest(forPull(reference), { reference, actions: "pull", signal }),
    blob: (repository: Repository, blob: Descriptor, signal: AbortSignal): AsyncIterable<Uint8Array> =>
      downloadBlob(forPull(repository), { repository, blob, signal }),
    putBlob: (repository: Repository, blob: Descriptor, source: BlobSource, signal: AbortSignal): Promise<PutOutcome> =>
      uploadBlob(forPush(repository), { repository, blob, source, signal }),
    putManifest: (
      reference: Reference,
      mediaType: string,
      bytes: Uint8Array,
      signal: AbortSignal,
    ): Promise<Descriptor> => storeManifest(forPush(reference), { reference, mediaType, bytes, signal }),
    checkPush: (repository: Repository, signal: AbortSignal): Promise<void> =>
      checkPush(forPush(repository), repository, signal),
    close: (): void => transport.close(),
  };
}

/** Kaniko's check before the build (kaniko.md 8.1): whoever may open an upload may push. */
async function checkPush(host: RegistryHost, repository: Repository, signal: AbortSignal): Promise<void> {
  const action = `push to ${formatRepository(repository)}`;
  const backoff = host.backoff(action, signal);
  try {
    const session = await retry(() => UploadSession.open({ host, repository, action, signal }), backoff);
    await session.cancel();
  } catch (error) {
    throw host.explain(error, action, backoff.tries);
  }
}
