/**
 * The AWS SDK's requests over our own transport: with its proxies, certificates, time limits and faults.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { Readable } from "node:stream";
import type { Transport } from "../http/transport.ts";

/** What the SDK hands over; the part of its HttpRequest that it fills in. */
export interface SdkRequest {
  readonly method: string;
  readonly protocol: string;
  readonly hostname: string;
  readonly port?: number;
  readonly path: string;
  readonly query?: Readonly<Record<string, string | readonly string[] | null>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** What the SDK wants back. */
interface SdkResponse {
  readonly statusCode: number;
  readonly reason: string;
  readonly headers: Record<string, string>;
  readonly body: Readable;
}

/** A request handler of the SDK. */
export interface S3HttpHandler {
  readonly metadata: { readonly handlerProtocol: "http/1.1" };
  handle(
    request: SdkRequest,
    options?: { readonly abortSignal?: unknown },
  ): Promise<{ readonly response: SdkResponse }>;
  /** The SDK destroys the handlers it was given; the transport is not its own. */
  destroy(): void;
  updateHttpClientConfig(): void;
  httpHandlerConfigs(): Record<string, never>;
}

/** Makes a handler; endpoints are those the user named, so they may be anywhere. */
export function createS3HttpHandler(transport: Transport): S3HttpHandler {
  return {
    metadata: { handlerProtocol: "http/1.1" },
    async handle(request, options): Promise<{ readonly response: SdkResponse }> {
      const signal = options?.abortSignal instanceof AbortSignal ? options.abortSignal : new AbortController().signal;
      const body = bodyOf(request.body);
      const response = await transport.request({
        method: request.method,
        url: urlOf(request),
        headers: headersOf(request.headers),
        reach: "any",
        signal,
        ...(body === undefined ? {} : { body: { length: body.length, open: () => Readable.from([body]) } }),
      });
      const names = ["etag", "content-type", "content-length", "content-range", "last-modified", "date", "retry-after"];
      const headers: Record<string, string> = {};
      for (const name of [...names, ...AMAZON_HEADERS]) {
        const value = response.header(name);
        if (value !== undefined) headers[name] = value;
      }
      const stream = Readable.from(response.body(), { objectMode: false });
      return { response: { statusCode: response.status, reason: response.statusText, headers, body: stream } };
    },
    destroy: () => {},
    updateHttpClientConfig: () => {},
    httpHandlerConfigs: () => ({}),
  };
}

const AMAZON_HEADERS: readonly string[] = [
  "x-amz-bucket-region",
  "x-amz-checksum-crc32",
  "x-amz-checksum-sha256",
  "x-amz-checksum-type",
  "x-amz-delete-marker",
  "x-amz-id-2",
  "x-amz-request-id",
  "x-amz-server-side-encryption",
  "x-amz-server-side-encryption-customer-algorithm",
  "x-amz-storage-class",
  "x-amz-version-id",
];

/** The signature covers the path and the query as they stand, so they are put together as the SDK does it. */
export function urlOf({ protocol, hostname, port, path, query }: SdkRequest): URL {
  const pairs = Object.entries(query ?? {}).sort(([a], [b]) => a < b ? -1 : 1).flatMap(([name, value]) => {
    const values = value === null ? [null] : typeof value === "string" ? [value] : value;
    return values.map((one) => one === null ? escapeUri(name) : `${escapeUri(name)}=${escapeUri(one)}`);
  });
  const authority = port === undefined ? hostname : `${hostname}:${port}`;
  return new URL(`${protocol}//${authority}${path}${pairs.length === 0 ? "" : `?${pairs.join("&")}`}`);
}

/** Escapes a component of a path or query as signatures want it. */
export function escapeUri(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** Host and length are the transport's own to write; they are the same. */
function headersOf(headers: Readonly<Record<string, string>>): Record<string, string> {
  const pairs = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value] as const);
  return Object.fromEntries(
    pairs.filter(([name]) => name !== "host" && name !== "content-length" && name !== "expect"),
  );
}

function bodyOf(body: unknown): Uint8Array | undefined {
  if (body === undefined || body === null || body === "") return undefined;
  if (typeof body === "string") return Buffer.from(body);
  if (body instanceof Uint8Array) return body;
  throw new TypeError("Unreachable: a request to read an object has a streamed body");
}
