/**
 * `fetch` over our own transport, as far as SDKs need it to get tokens: small requests and small answers.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { Readable } from "node:stream";
import type { Transport } from "../http/transport.ts";

/** Answers with tokens are far smaller. */
const ANSWER_CAP_BYTES = 1024 * 1024;

/** Token services answer at once; where there is none, a name may lead nowhere. */
const TIMEOUT_MS = 10_000;

/** Makes a `fetch`. It follows no redirects: no token service redirects, and credentials would go along. */
export function fetchOver(transport: Transport): typeof fetch {
  return async (input: RequestInfo | URL, init?: RequestInit): Promise<Response> => {
    const request = new Request(input, init);
    const body = Buffer.from(await request.arrayBuffer());
    const response = await transport.request({
      method: request.method,
      url: new URL(request.url),
      headers: Object.fromEntries(request.headers.entries()),
      reach: "any",
      signal: request.signal,
      connectTimeoutMs: TIMEOUT_MS,
      answerTimeoutMs: TIMEOUT_MS,
      ...(body.length === 0 ? {} : { body: { length: body.length, open: () => Readable.from([body]) } }),
    });
    const { bytes, complete } = await response.document(ANSWER_CAP_BYTES);
    if (!complete) throw new TypeError(`The answer of ${response.url.host} is too long`);
    const headers = new Headers();
    for (const name of ["content-type", "date", "metadata-flavor"]) {
      const value = response.header(name);
      if (value !== undefined) headers.set(name, value);
    }
    const empty = [101, 204, 205, 304].includes(response.status);
    // The transport's bytes are a plain buffer.
    const content = empty ? null : bytes as Uint8Array<ArrayBuffer>;
    return new Response(content, { status: response.status, statusText: response.statusText, headers });
  };
}
