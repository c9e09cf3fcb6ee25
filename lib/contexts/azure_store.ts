/**
 * A container of Azure Blob Storage, through `@azure/storage-blob` and `@azure/identity`.
 *
 * The SDKs sign, find tokens and read answers; they make each request once and over our transport. They are loaded when
 * the first request is made, the one for identities only if there is no other credential.
 *
 * @module
 */
import type { BlobDownloadResponseParsed, ContainerClient, RestError } from "@azure/storage-blob";
import type { TokenCredential } from "@azure/identity";
import { KilnError } from "../errors.ts";
import { createTransport, type Transport } from "../http/transport.ts";
import { TransportFault } from "../http/transport_fault.ts";
import { trustedCertificates } from "../http/trusted_certificates.ts";
import type { Report } from "../report/report.ts";
import { certificateAssertion } from "./azure_certificate.ts";
import { createIdentityHttpClient, createStorageHttpClient } from "./azure_http_client.ts";
import { type AzureCredentials, azureCredentials } from "./azure_credentials.ts";
import type { AzureLocation } from "./context_location.ts";
import type { SourceParts } from "./context_source.ts";
import {
  type ByteRange,
  ObjectFault,
  type ObjectFaultReason,
  type ObjectPage,
  type ObjectStore,
  reasonOfStatus,
  type StoredObject,
} from "./object_store.ts";

/** What a store is made of. */
export interface AzureStoreOptions {
  readonly location: AzureLocation;
  readonly report: Report;
  readonly source: SourceParts;
}

/** Opens a container. */
export async function openAzureStore(options: AzureStoreOptions): Promise<ObjectStore> {
  const { environment, userAgent, reveal } = options.source;
  const credentials = azureCredentials(options.location, environment);
  for (const secret of credentials.secrets) reveal(secret);
  const ca = trustedCertificates(environment);
  const transport = createTransport({ userAgent, environment, ...(ca === undefined ? {} : { tls: () => ({ ca }) }) });
  try {
    const parts: Connection = { transport, credentials, container: options.location.container };
    return new AzureStore({ ...options, ...parts, client: await connect(parts) });
  } catch (error) {
    transport.close();
    throw error;
  }
}

interface Connection {
  readonly transport: Transport;
  readonly credentials: AzureCredentials;
  readonly container: string;
}

/** Makes the client of a container; with a token of the machine's identity if `identity` is set. */
async function connect(
  { transport, credentials, container }: Connection,
  identity?: "machine",
): Promise<ContainerClient> {
  const sdk = await import("@azure/storage-blob");
  const { endpoint, kind } = credentials;
  const credential = kind === "key"
    ? new sdk.StorageSharedKeyCredential(credentials.account, credentials.key)
    : kind === "identity" || identity !== undefined
    ? await identityCredential(credentials, transport)
    : new sdk.AnonymousCredential();
  const url = `${endpoint}${kind === "sas" ? `?${credentials.signature}` : ""}`;
  const pipeline = { httpClient: createStorageHttpClient(transport), retryOptions: { maxTries: 1 } };
  return new sdk.BlobServiceClient(url, credential, pipeline).getContainerClient(container);
}

async function identityCredential(
  { authority, variables }: AzureCredentials,
  transport: Transport,
): Promise<TokenCredential> {
  const sdk = await import("@azure/identity");
  const { clientId, tenantId, clientSecret, certificatePath, certificatePassword, tokenFile } = variables;
  const options = {
    httpClient: await createIdentityHttpClient(transport),
    retryOptions: { maxRetries: 2 },
    ...(authority === undefined ? {} : { authorityHost: authority.host, disableInstanceDiscovery: authority.own }),
  };
  if (tokenFile !== undefined && clientId !== undefined && tenantId !== undefined) {
    // The file is read again whenever a token is needed: Kubernetes renews it.
    return new sdk.WorkloadIdentityCredential({ ...options, clientId, tenantId, tokenFilePath: tokenFile });
  }
  if (clientSecret !== undefined && clientId !== undefined && tenantId !== undefined) {
    return new sdk.ClientSecretCredential(tenantId, clientId, clientSecret, options);
  }
  if (certificatePath !== undefined && clientId !== undefined && tenantId !== undefined) {
    const host = authority?.host ?? sdk.AzureAuthorityHosts.AzurePublicCloud;
    const audience = `${host.replace(/\/+$/, "")}/${tenantId}/oauth2/v2.0/token`;
    const file = {
      path: certificatePath,
      ...(certificatePassword === undefined ? {} : { password: certificatePassword }),
    };
    const assert = () => certificateAssertion({ ...file, clientId, audience });
    return new sdk.ClientAssertionCredential(tenantId, clientId, assert, options);
  }
  return new sdk.ManagedIdentityCredential({ ...options, ...(clientId === undefined ? {} : { clientId }) });
}

interface StoreParts extends AzureStoreOptions, Connection {
  readonly client: ContainerClient;
}

class AzureStore implements ObjectStore {
  readonly service = "Azure Blob Storage";
  readonly #parts: StoreParts;
  #client: ContainerClient;
  /** Who asks; undefined for anonymous requests. */
  #source: string | undefined;

  constructor(parts: StoreParts) {
    this.#parts = parts;
    this.#client = parts.client;
    this.#source = parts.credentials.source;
  }

  urlOf(key: string): string {
    const { endpoint, container } = this.#parts.location;
    return `${endpoint}/${container}/${key}`;
  }

  find(key: string, signal: AbortSignal): Promise<StoredObject | undefined> {
    return this.#send(async () => {
      try {
        const response = await this.#client.getBlobClient(key).download(0, 1, { abortSignal: signal });
        const object = describeObject(key, response);
        for await (const _chunk of bodyOf(response, signal)) break;
        return object;
      } catch (error) {
        const fault = this.#fault(error);
        if (fault instanceof ObjectFault && fault.reason === "missing") return undefined;
        if (!(fault instanceof ObjectFault && fault.facts.status === 416)) throw error;
        // Names for folders (of accounts with a hierarchical namespace) are empty, too.
        const { metadata } = await this.#client.getBlobClient(key).getProperties({ abortSignal: signal });
        return { key, size: 0, version: "", ...(isFolder(metadata) ? { folder: true as const } : {}) };
      }
    });
  }

  list(prefix: string, page: string | undefined, signal: AbortSignal): Promise<ObjectPage> {
    return this.#send(async () => {
      const blobs = this.#client.listBlobsFlat({ prefix, includeMetadata: true, abortSignal: signal });
      const settings = { maxPageSize: 1000, ...(page === undefined ? {} : { continuationToken: page }) };
      const { value, done } = await blobs.byPage(settings).next();
      if (done === true) return { objects: [], next: undefined };
      const { segment, continuationToken } = value;
      const objects = segment.blobItems.map(({ name, properties, metadata }): StoredObject => {
        const { contentLength, etag, lastModified, contentMD5 } = properties;
        if (contentLength === undefined) throw new ObjectFault("untrue", "a listing is incomplete");
        return {
          key: name,
          size: contentLength,
          version: quoted(etag),
          modified: lastModified,
          ...(contentMD5 === undefined ? {} : { digest: { algorithm: "md5", hex: contentMD5.toHex() } as const }),
          ...(isFolder(metadata) ? { folder: true as const } : {}),
        };
      });
      return {
        objects,
        next: continuationToken === undefined || continuationToken === "" ? undefined : continuationToken,
      };
    });
  }

  read(object: StoredObject, { start, end }: ByteRange, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
    return this.#send(async () => {
      const blob = this.#client.getBlobClient(object.key);
      const isWhole = start === 0 && end === object.size;
      const response = await blob.download(start, isWhole ? undefined : end - start, {
        abortSignal: signal,
        conditions: { ifMatch: object.version },
        // Taking up again is ours, which waits between tries and tells the user.
        maxRetryRequests: 0,
      });
      const whole = isWhole && response.contentLength === object.size;
      const wanted = `bytes ${start}-${end - 1}/${object.size}`;
      const fault = quoted(response.etag) !== object.version
        ? new ObjectFault("changed", "it has another ETag now")
        : response.contentRange !== wanted && !(whole && response.contentRange === undefined)
        ? new ObjectFault("untrue", `a part was sent that was not asked for ("${response.contentRange ?? ""}")`)
        : undefined;
      if (fault === undefined) return bodyOf(response, signal);
      for await (const _chunk of bodyOf(response, signal)) break;
      throw fault;
    });
  }

  close(): void {
    this.#parts.transport.close();
  }

  async #send<T>(body: () => Promise<T>): Promise<T> {
    try {
      return await body();
    } catch (error) {
      const fault = this.#fault(error);
      if (!await this.#becomeMachine(fault)) throw fault;
    }
    try {
      return await body();
    } catch (error) {
      throw this.#fault(error);
    }
  }

  /** What nobody may read without credentials, the identity of the machine may; it is only asked for then. */
  async #becomeMachine(fault: unknown): Promise<boolean> {
    const { credentials, report } = this.#parts;
    const refused = fault instanceof ObjectFault && fault.reason === "denied";
    if (!refused || this.#source !== undefined || credentials.kind !== "anonymous" || !credentials.trusted) {
      return false;
    }
    const client = await connect(this.#parts, "machine");
    report.message("info", "Azure credentials: trying the managed identity of this machine");
    this.#source = "the managed identity of this machine";
    this.#client = client;
    return true;
  }

  #fault(error: unknown): unknown {
    return faultOf(error, this.#source);
  }
}

function isRestError(error: unknown): error is RestError {
  return error instanceof Error && error.name === "RestError";
}

const REASONS: Readonly<Record<string, ObjectFaultReason>> = {
  BlobNotFound: "missing",
  ContainerNotFound: "no-bucket",
  ConditionNotMet: "changed",
  PublicAccessNotPermitted: "denied",
  NoAuthenticationInformation: "denied",
  AuthenticationFailed: "denied",
  BlobArchived: "refused",
};

const WORDS: Readonly<Record<string, string>> = {
  BlobNotFound: "there is no such blob",
  ContainerNotFound: "there is no such container",
  ResourceNotFound: "there is nothing that may be read without credentials",
  PublicAccessNotPermitted: "the account allows nothing without credentials",
};

/** Azure refuses requests that are dated 15 minutes off. */
const SKEW_MS = 15 * 60 * 1000;

function faultOf(error: unknown, source: string | undefined): unknown {
  if (error instanceof ObjectFault || error instanceof TransportFault || error instanceof KilnError) return error;
  if (!isRestError(error)) return identityFault(error, source);
  // The SDK wraps what its client throws.
  if (error.cause instanceof TransportFault) return error.cause;
  const status = error.statusCode;
  const code = error.response?.headers.get("x-ms-error-code") ?? error.code;
  const date = Date.parse(error.response?.headers.get("date") ?? "");
  const skewed = code === "AuthenticationFailed" && Math.abs(date - Date.now()) > SKEW_MS;
  // What a private container answers to those it does not know.
  const hidden = code === "ResourceNotFound" && source === undefined;
  const reason = skewed ? "clock" : hidden ? "denied" : REASONS[code ?? ""] ?? reasonOfStatus(status);
  const said = error.message.split("\n")[0]?.replace(/\s*RequestId:.*$/, "") ?? "";
  const message = skewed
    ? `the clock of this machine differs by ${
      Math.round(Math.abs(date - Date.now()) / 60_000)
    } minutes from that of Azure`
    : WORDS[code ?? ""] ?? `Azure answered "${said}"`;
  const hint = hintOf(reason, code, source);
  return new ObjectFault(reason, message, {
    cause: error,
    ...(status === undefined ? {} : { status }),
    ...(code === undefined ? {} : { code }),
    ...(hint === undefined ? {} : { hint }),
  });
}

/** No token: the errors of `@azure/identity`. */
function identityFault(error: unknown, source: string | undefined): unknown {
  const names = ["CredentialUnavailableError", "AuthenticationError", "AuthenticationRequiredError"];
  if (!(error instanceof Error) || !names.includes(error.name)) return error;
  const said = error.message.split("\n")[0] ?? "";
  return new ObjectFault("denied", `no token can be had with ${source ?? "an identity"}: ${said}`, {
    cause: error,
    hint: SOURCES_HINT,
  });
}

const SOURCES_HINT =
  "set AZURE_STORAGE_ACCESS_KEY, AZURE_STORAGE_SAS_TOKEN or AZURE_STORAGE_CONNECTION_STRING, or use a workload identity";

function hintOf(reason: ObjectFaultReason, code: string | undefined, source: string | undefined): string | undefined {
  if (code === "BlobArchived") return "rehydrate the blob first";
  if (reason !== "denied") return undefined;
  return source === undefined ? SOURCES_HINT : `check ${source} and what it allows`;
}

function describeObject(key: string, response: BlobDownloadResponseParsed): StoredObject {
  const { contentRange, contentLength, etag, lastModified, blobContentMD5, metadata } = response;
  const total = /^bytes 0-0\/([0-9]{1,15})$/.exec(contentRange ?? "")?.[1];
  // Azurite sends an empty blob without a range.
  const size = total === undefined ? contentLength : Number(total);
  if (size === undefined || etag === undefined) throw new ObjectFault("untrue", "the answer says no size or no ETag");
  return {
    key,
    size,
    version: quoted(etag),
    ...(lastModified === undefined ? {} : { modified: lastModified }),
    ...(blobContentMD5 === undefined ? {} : { digest: { algorithm: "md5", hex: blobContentMD5.toHex() } as const }),
    ...(isFolder(metadata) ? { folder: true as const } : {}),
  };
}

/** How Azure marks directories: https://learn.microsoft.com/azure/storage/blobs/data-lake-storage-known-issues */
function isFolder(metadata: Readonly<Record<string, string>> | undefined): boolean {
  return metadata?.["hdi_isfolder"] === "true" || metadata?.["Hdi_isfolder"] === "true";
}

/** Listings have ETags without the quotes that If-Match needs. */
function quoted(etag: string | undefined): string {
  return `"${(etag ?? "").replaceAll('"', "")}"`;
}

/** The SDK puts a stream of its own around ours and hides why it broke. */
async function* bodyOf(
  { readableStreamBody }: BlobDownloadResponseParsed,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  if (readableStreamBody === undefined) throw new TypeError("Unreachable: the SDK changed the body of an answer");
  try {
    for await (const chunk of readableStreamBody) {
      if (typeof chunk === "string") throw new TypeError("Unreachable: the SDK decodes bodies");
      yield chunk;
    }
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof TransportFault || error instanceof TypeError) throw error;
    const facts = { phase: "body", host: "Azure Blob Storage", code: "ECONNRESET", cause: error } as const;
    throw new TransportFault("the body ended early", facts);
  }
}
