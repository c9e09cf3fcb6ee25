/**
 * A resource behind a URL the user named: requests with the user's credentials, redirects followed by hand.
 *
 * Credentials are the user and password of the URL, or the secrets BuildKit knows: `HTTP_AUTH_TOKEN_<host>` and
 * `HTTP_AUTH_HEADER_<host>` (dockerfile.md 3.4). They go to that host alone.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { KilnError } from "../errors.ts";
import { judgeHop } from "../http/redirect.ts";
import type { HttpResponse } from "../http/response.ts";
import { createTransport, type Transport } from "../http/transport.ts";
import type { Reach } from "../http/reach.ts";
import { trustedCertificates } from "../http/trusted_certificates.ts";
import type { SourceParts } from "./context_source.ts";

/** As curl and Go allow 50 and 10; nobody honest needs more. */
const MAX_REDIRECTS = 10;

/** A named resource. */
export interface HttpResource extends Disposable {
  /** Without user, password and query, for people. */
  readonly shown: string;
  /** Whether credentials are sent. */
  readonly authorized: boolean;
  /**
   * Sends a GET and follows redirects.
   *
   * @throws {KilnError} kind `integrity`, if a redirect is not to be followed; {TransportFault}
   */
  get(headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<HttpResponse>;
}

/** Prepares requests for a URL. @throws {KilnError} kind `usage`, for credentials that fit in no header */
export async function openResource(url: URL, parts: SourceParts): Promise<HttpResource> {
  const authorization = await authorizationFor(url, parts);
  const bare = new URL(url);
  bare.username = bare.password = bare.hash = "";
  const shown = showUrl(url);
  const ca = trustedCertificates(parts.environment);
  const transport = createTransport({
    userAgent: parts.userAgent,
    environment: parts.environment,
    ...(ca === undefined ? {} : { tls: () => ({ ca }) }),
  });
  return {
    shown,
    authorized: authorization !== undefined,
    get: (headers, signal) => getFollowing(transport, { url: bare, shown, authorization, headers, signal }),
    [Symbol.dispose]: () => transport.close(),
  };
}

/** Returns a URL for people: without user and password, and without the query, which may hold a signature. */
export function showUrl(url: URL): string {
  return `${url.origin}${url.pathname}${url.search === "" ? "" : "?..."}`;
}

interface Request {
  readonly url: URL;
  readonly shown: string;
  readonly authorization: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

async function getFollowing(transport: Transport, request: Request): Promise<HttpResponse> {
  const { url: named, shown, headers, signal } = request;
  let url = named;
  let reach: Reach = "any";
  let { authorization } = request;
  let namedAddress: string | undefined;
  for (let hops = 0;; hops++) {
    const response = await transport.request({
      method: "GET",
      url,
      headers: { ...headers, ...(authorization === undefined ? {} : { authorization }) },
      reach,
      signal,
    });
    if (hops === 0) namedAddress = response.remoteAddress;
    const location = [301, 302, 303, 307, 308].includes(response.status) ? response.header("location") : undefined;
    if (location === undefined) return response;
    await response.discard();
    const refuse = (why: string): KilnError =>
      new KilnError("integrity", `Cannot fetch "${shown}": it redirects where it may not: ${why}`);
    if (hops === MAX_REDIRECTS) throw refuse(`it redirects more than ${MAX_REDIRECTS} times`);
    const to = resolve(location, url);
    if (to === undefined) throw refuse("it is not a URL");
    const verdict = judgeHop({ named, namedAddress, from: url, to });
    if (verdict.kind === "refused") throw refuse(verdict.why);
    to.hash = "";
    url = to;
    reach = verdict.reach;
    // Once somebody else has had a say in where to go, credentials stay at home.
    if (!verdict.credentials) authorization = undefined;
  }
}

function resolve(location: string, base: URL): URL | undefined {
  try {
    return new URL(location, base);
  } catch {
    return undefined;
  }
}

async function authorizationFor(url: URL, { reveal, secret }: SourceParts): Promise<string | undefined> {
  if (url.username !== "" || url.password !== "") {
    const [user, password] = [decode(url.username), decode(url.password)];
    // A token is often given as the user name, with no password.
    reveal(password === "" ? user : password);
    const pair = Buffer.from(`${user}:${password}`).toString("base64");
    reveal(pair);
    return `Basic ${pair}`;
  }
  for (const host of new Set([url.host, url.hostname])) {
    const header = await headerOf(`HTTP_AUTH_HEADER_${host}`, secret);
    if (header !== undefined) return header;
    const token = await headerOf(`HTTP_AUTH_TOKEN_${host}`, secret);
    if (token !== undefined) return `Bearer ${token}`;
  }
  return undefined;
}

async function headerOf(id: string, secret: SourceParts["secret"]): Promise<string | undefined> {
  const value = await secret(id);
  if (value === undefined) return undefined;
  const text = new TextDecoder().decode(value).trim();
  if (text !== "" && /^[\x20-\x7e]+$/.test(text)) return text;
  throw new KilnError("usage", `Cannot use the secret "${id}": it is not the value of a header`);
}

/** Undoes percent-encoding; a password with a lone "%" is meant as it stands. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
