/**
 * A bucket of Google Cloud Storage, with the credentials and endpoints of `@google-cloud/storage`.
 *
 * The SDK finds credentials and keeps tokens fresh. The three requests to the JSON API are made over our own transport:
 * the SDK's own way of reading takes HTTP_PROXY for https targets and loopback, takes no certificates of the user's, and
 * prints warnings of Deno's at each download (dependencies.md 10).
 *
 * @module
 */
import type { HttpResponse } from "../http/response.ts";
import { parseRetryAfter } from "../http/retry_after.ts";
import { createTransport, type Transport } from "../http/transport.ts";
import { trustedCertificates } from "../http/trusted_certificates.ts";
import type { Report } from "../report/report.ts";
import type { SourceParts } from "./context_source.ts";
import { fetchOver } from "./fetch_over.ts";
import {
  type ByteRange,
  ObjectFault,
  type ObjectPage,
  type ObjectStore,
  reasonOfStatus,
  type StoredObject,
} from "./object_store.ts";

/** What a store is made of. */
export interface GcsStoreOptions {
  readonly bucket: string;
  readonly report: Report;
  readonly source: SourceParts;
}

const SCOPE = "https://www.googleapis.com/auth/devstorage.read_only";

/** Answers about objects are no larger than this: a page has 1,000 objects of about 1 kB. */
const DOCUMENT_CAP_BYTES = 16 * 1024 * 1024;

/** Opens a bucket: finds credentials. */
export async function openGcsStore(options: GcsStoreOptions): Promise<ObjectStore> {
  const { environment, userAgent } = options.source;
  const ca = trustedCertificates(environment);
  const transport = createTransport({ userAgent, environment, ...(ca === undefined ? {} : { tls: () => ({ ca }) }) });
  try {
    return new GcsStore({ ...options, transport, access: await findAccess(transport, options) });
  } catch (error) {
    transport.close();
    throw error;
  }
}

/** Where requests go, and as whom. */
interface Access {
  /** Where the credentials come from, for people; undefined without. */
  readonly source: string | undefined;
  /** The URL below which the JSON API is, without a slash at its end. */
  readonly api: string;
  /** Returns the headers that authorize a request. */
  headers(): Promise<Record<string, string>>;
}

async function findAccess(transport: Transport, { report, source }: GcsStoreOptions): Promise<Access> {
  const { environment, reveal } = source;
  const emulator = environment("STORAGE_EMULATOR_HOST");
  if (emulator) {
    // Google's own clients send no credentials there either.
    return { source: undefined, api: apiOf(emulator, "http"), headers: () => Promise.resolve({}) };
  }
  const [{ Storage }, { GoogleAuth, gaxios }] = await Promise.all([
    import("@google-cloud/storage"),
    import("google-auth-library"),
  ]);
  const transporter = new gaxios.Gaxios({ fetchImplementation: fetchOver(transport) });
  // One of its own: that of Storage asks for all rights to Google Cloud. No project is needed to read; to find it, the
  // library runs gcloud and waits seconds for a metadata server.
  const storage = new Storage({
    authClient: new GoogleAuth({ scopes: SCOPE, clientOptions: { transporter }, projectId: "none" }),
  });
  const override = environment("CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE");
  const api = apiOf(override || storage.apiEndpoint, "https");
  const named = ["GOOGLE_APPLICATION_CREDENTIALS", "google_application_credentials"].find((name) => environment(name));
  try {
    const client = await storage.authClient.getClient();
    routeAll(client, transporter);
    return {
      source: named ?? "the application default credentials",
      api,
      headers: async () => {
        const headers = headersOf(await client.getRequestHeaders(`${api}/`));
        const token = headers["authorization"]?.replace(/^Bearer /, "");
        if (token) reveal(token);
        return headers;
      },
    };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    if (named !== undefined || !message.includes("Could not load the default credentials")) {
      throw new ObjectFault("denied", `no Google credentials can be had: ${message}`, {
        cause: error,
        hint: named === undefined ? "mend the application default credentials" : `check what ${named} names`,
      });
    }
    report.message("info", "No Google credentials found: requests to Cloud Storage are anonymous");
    return { source: undefined, api, headers: () => Promise.resolve({}) };
  }
}

/** Clients that are made of others (a federation, an impersonation) do not hand on what they were told to use. */
function routeAll(client: object, transporter: unknown): void {
  if ("transporter" in client) client.transporter = transporter;
  const parts: Readonly<Record<string, unknown>> = { ...client };
  for (const part of [parts["stsCredential"], parts["sourceClient"]]) {
    if (typeof part === "object" && part !== null) routeAll(part, transporter);
  }
}

/** Adds what is left out: a scheme, and the path of the JSON API. */
function apiOf(endpoint: string, scheme: string): string {
  const url = (endpoint.includes("://") ? endpoint : `${scheme}://${endpoint}`).replace(/\/+$/, "");
  return url.endsWith("/storage/v1") ? url : `${url}/storage/v1`;
}

/** The library has both forms of headers. */
function headersOf(headers: Headers | Record<string, string>): Record<string, string> {
  return headers instanceof Headers
    ? Object.fromEntries(headers.entries())
    : Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

interface StoreParts extends GcsStoreOptions {
  readonly transport: Transport;
  readonly access: Access;
}

interface Part {
  readonly object: StoredObject;
  readonly range: ByteRange;
  readonly signal: AbortSignal;
}

class GcsStore implements ObjectStore {
  readonly service = "Cloud Storage";
  readonly #parts: StoreParts;

  constructor(parts: StoreParts) {
    this.#parts = parts;
  }

  urlOf(key: string): string {
    return `gs://${this.#parts.bucket}/${key}`;
  }

  async find(key: string, signal: AbortSignal): Promise<StoredObject | undefined> {
    try {
      return objectOf(await this.#document(this.#objectUrl(key), signal));
    } catch (error) {
      if (error instanceof ObjectFault && error.reason === "missing") return undefined;
      throw error;
    }
  }

  async list(prefix: string, page: string | undefined, signal: AbortSignal): Promise<ObjectPage> {
    const url = new URL(`${this.#parts.access.api}/b/${encodeURIComponent(this.#parts.bucket)}/o`);
    url.searchParams.set("prefix", prefix);
    url.searchParams.set("fields", "items(name,size,generation,updated,md5Hash),nextPageToken");
    if (page !== undefined) url.searchParams.set("pageToken", page);
    const document = await this.#document(url, signal).catch((error) => {
      const missing = error instanceof ObjectFault && error.reason === "missing";
      throw missing ? new ObjectFault("no-bucket", "there is no such bucket", error.facts) : error;
    });
    const { items, nextPageToken } = document;
    if (items !== undefined && !Array.isArray(items)) throw new ObjectFault("untrue", "a listing is malformed");
    const objects = (items ?? []).map((item: unknown) => objectOf(isRecord(item) ? item : {}));
    return { objects, next: typeof nextPageToken === "string" && nextPageToken !== "" ? nextPageToken : undefined };
  }

  async read(object: StoredObject, range: ByteRange, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
    const url = this.#objectUrl(object.key);
    url.searchParams.set("alt", "media");
    const part = { object, range, signal };
    if (range.start === 0 && range.end === object.size) {
      // An object that is read at once is asked for by its name alone, which is half the work for some servers.
      const named = await this.#readPart(url, part);
      if (named.header("x-goog-generation") === object.version) return named.body();
      named[Symbol.dispose]();
    }
    url.searchParams.set("generation", object.version);
    return (await this.#readPart(url, part)).body();
  }

  async #readPart(url: URL, { object, range, signal }: Part): Promise<HttpResponse> {
    const response = await this.#send(url, signal, {
      range: `bytes=${range.start}-${range.end - 1}`,
      // Without it, an object that was stored with gzip is sent unpacked, whole, and in answer to every range.
      "accept-encoding": "gzip",
    });
    try {
      checkPart(response, object, range);
    } catch (error) {
      response[Symbol.dispose]();
      throw error;
    }
    return response;
  }

  close(): void {
    this.#parts.transport.close();
  }

  #objectUrl(key: string): URL {
    const { access, bucket } = this.#parts;
    return new URL(`${access.api}/b/${encodeURIComponent(bucket)}/o/${encodeURIComponent(key)}`);
  }

  async #document(url: URL, signal: AbortSignal): Promise<Readonly<Record<string, unknown>>> {
    const response = await this.#send(url, signal, {});
    const document = await response.document(DOCUMENT_CAP_BYTES);
    const value = document.complete ? parseJson(document.bytes) : undefined;
    if (!isRecord(value)) throw new ObjectFault("untrue", "the answer is no JSON document of an object");
    return value;
  }

  async #send(url: URL, signal: AbortSignal, headers: Readonly<Record<string, string>>): Promise<HttpResponse> {
    const { transport, access } = this.#parts;
    let authorization: Record<string, string>;
    try {
      authorization = await access.headers();
    } catch (error) {
      signal.throwIfAborted();
      const message = error instanceof Error ? error.message : String(error);
      throw new ObjectFault("denied", `no access token can be had: ${message}`, {
        cause: error,
        hint: `check what ${access.source} says`,
      });
    }
    const request = { method: "GET", url, headers: { ...authorization, ...headers }, reach: "any", signal } as const;
    const response = await transport.request(request);
    if (response.status === 200 || response.status === 206) return response;
    throw await this.#fault(response);
  }

  async #fault(response: HttpResponse): Promise<ObjectFault> {
    const { status } = response;
    const { bytes } = await response.document(64 * 1024);
    const said = parseJson(bytes);
    const error = isRecord(said) && isRecord(said["error"]) ? said["error"] : {};
    const words = typeof error["message"] === "string" ? error["message"] : response.statusText;
    const noBucket = status === 404 && /bucket does not exist/i.test(words);
    const retryAfterMs = parseRetryAfter(response.header("retry-after"), {
      nowMs: Date.now(),
      date: response.header("date"),
    });
    const hint = this.#hintOf(status);
    const message = noBucket ? "there is no such bucket" : `Cloud Storage answered "${words}"`;
    return new ObjectFault(noBucket ? "no-bucket" : reasonOfStatus(status), message, {
      status,
      ...(hint === undefined ? {} : { hint }),
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    });
  }

  #hintOf(status: number): string | undefined {
    if (status !== 401 && status !== 403) return undefined;
    const { source } = this.#parts.access;
    return source === undefined
      ? "no credentials were sent: set GOOGLE_APPLICATION_CREDENTIALS, or run where a service account is attached"
      : `check what the credentials from ${source} allow; storage.objects.get is needed, for a folder storage.objects.list`;
  }
}

/** Reads the resource of an object: https://cloud.google.com/storage/docs/json_api/v1/objects#resource */
function objectOf(resource: Readonly<Record<string, unknown>>): StoredObject {
  const { name, size, generation, updated, md5Hash } = resource;
  const bytes = typeof size === "string" && /^[0-9]{1,15}$/.test(size) ? Number(size) : undefined;
  if (typeof name !== "string" || bytes === undefined || typeof generation !== "string") {
    throw new ObjectFault("untrue", "the answer says no name, size or generation");
  }
  const modified = typeof updated === "string" ? new Date(updated) : undefined;
  return {
    key: name,
    size: bytes,
    version: generation,
    ...(modified === undefined || Number.isNaN(modified.getTime()) ? {} : { modified }),
    // Objects that were composed of others have none.
    ...(typeof md5Hash === "string" ? { digest: { algorithm: "md5", hex: hexOf(md5Hash) } as const } : {}),
  };
}

function checkPart(response: HttpResponse, object: StoredObject, range: ByteRange): void {
  const told = response.header("content-range");
  if (response.status === 206 && told === `bytes ${range.start}-${range.end - 1}/${object.size}`) return;
  if (response.status === 206) {
    throw new ObjectFault("untrue", `a part was sent that was not asked for ("${told ?? ""}")`);
  }
  const whole = range.start === 0 && range.end === object.size;
  if (!whole || response.contentLength !== object.size) {
    throw new ObjectFault("refused", "the server sends no parts of objects");
  }
}

function hexOf(base64: string): string {
  return Uint8Array.fromBase64(base64).toHex();
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
