/**
 * The Azure SDK's requests over our own transport: with its proxies, certificates, time limits and faults.
 *
 * @module
 */
import type { HttpClient, PipelineRequest } from "@azure/core-rest-pipeline";
import type { StoragePipelineOptions } from "@azure/storage-blob";
import { Buffer } from "node:buffer";
import { Readable } from "node:stream";
import type { Transport } from "../http/transport.ts";

/** Answers that are read whole are listings, errors and tokens; a page of 5,000 blobs has about 10 MB. */
const ANSWER_CAP_BYTES = 64 * 1024 * 1024;

/** The client that `@azure/storage-blob` takes. */
export type StorageHttpClient = NonNullable<StoragePipelineOptions["httpClient"]>;

/** Makes the client for blobs; endpoints are those the user named, so they may be anywhere. */
export function createStorageHttpClient(transport: Transport): StorageHttpClient {
  return {
    async sendRequest(request): ReturnType<StorageHttpClient["sendRequest"]> {
      const pairs = request.headers.headersArray().map(({ name, value }) => [name, value] as const);
      const answer = await exchange(transport, { ...request, pairs });
      // The only way to an object of this type that the package exports.
      const headers = request.headers.clone();
      for (const name of headers.headerNames()) headers.remove(name);
      for (const [name, value] of answer.headers) headers.set(name, value);
      return { ...answer, request, headers };
    },
  };
}

/** Makes the client that `@azure/identity` takes. */
export async function createIdentityHttpClient(transport: Transport): Promise<HttpClient> {
  const { createHttpHeaders } = await import("@azure/core-rest-pipeline");
  return {
    async sendRequest(request): ReturnType<HttpClient["sendRequest"]> {
      const answer = await exchange(transport, { ...request, pairs: [...request.headers] });
      return { ...answer, request, headers: createHttpHeaders(Object.fromEntries(answer.headers)) };
    },
  };
}

/** What both forms of requests have. */
interface Exchange {
  readonly url: string;
  readonly method: string;
  readonly pairs: readonly (readonly [string, string])[];
  readonly body?: unknown;
  readonly abortSignal?: unknown;
  readonly streamResponseStatusCodes?: PipelineRequest["streamResponseStatusCodes"];
}

interface Answer {
  readonly status: number;
  readonly headers: readonly (readonly [string, string])[];
  readonly bodyAsText?: string;
  readonly readableStreamBody?: Readable;
}

async function exchange(transport: Transport, request: Exchange): Promise<Answer> {
  const body = bodyOf(request.body);
  const response = await transport.request({
    method: request.method,
    url: new URL(request.url),
    headers: headersOf(request.pairs),
    reach: "any",
    signal: request.abortSignal instanceof AbortSignal ? request.abortSignal : new AbortController().signal,
    ...(body === undefined ? {} : { body: { length: body.length, open: () => Readable.from([body]) } }),
  });
  const { status } = response;
  const headers = HEADERS.flatMap((name) => {
    const value = response.header(name);
    return value === undefined ? [] : [[name, value] as const];
  });
  const streamed = request.streamResponseStatusCodes;
  // Infinity stands for all.
  if (streamed?.has(status) === true || streamed?.has(Infinity) === true) {
    return { status, headers, readableStreamBody: Readable.from(response.body(), { objectMode: false }) };
  }
  const { bytes, complete } = await response.document(ANSWER_CAP_BYTES);
  if (!complete) throw new TypeError(`The answer of ${response.url.host} is too long`);
  return { status, headers, bodyAsText: new TextDecoder().decode(bytes) };
}

const HEADERS: readonly string[] = [
  "content-length",
  "content-md5",
  "content-range",
  "content-type",
  "date",
  "etag",
  "last-modified",
  "retry-after",
  "www-authenticate",
  "x-ms-blob-content-md5",
  "x-ms-error-code",
  "x-ms-meta-hdi_isfolder",
  "x-ms-request-id",
  "x-ms-version",
];

/** Host and length are the transport's own to write; they are the same. */
function headersOf(pairs: Exchange["pairs"]): Record<string, string> {
  const own = ["host", "content-length", "accept-encoding", "connection"];
  return Object.fromEntries(
    pairs.map(([name, value]) => [name.toLowerCase(), value]).filter(([name = ""]) => !own.includes(name)),
  );
}

function bodyOf(body: unknown): Uint8Array | undefined {
  if (body === undefined || body === null || body === "") return undefined;
  if (typeof body === "string") return Buffer.from(body);
  if (body instanceof Uint8Array) return body;
  throw new TypeError("Unreachable: a request to read a blob has a streamed body");
}
