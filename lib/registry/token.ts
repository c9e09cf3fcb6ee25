/**
 * Asking a token service for an access token.
 *
 * Two protocols: a GET with scopes and, if there are any, Basic credentials
 * (https://distribution.github.io/distribution/spec/auth/token/), and for identity tokens OAuth2's POST
 * (https://distribution.github.io/distribution/spec/auth/oauth/).
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { KilnError } from "../errors.ts";
import { optionalInteger, optionalString, parseJsonObject } from "../oci/json.ts";
import type { FoundCredential } from "./credentials/credential.ts";
import { printable } from "./printable.ts";
import type { HttpResponse } from "../http/response.ts";
import { DOCUMENT_CAP_BYTES, StatusFault } from "./status_fault.ts";
import type { Transport } from "../http/transport.ts";
import { judge } from "./trust.ts";

/** An access token and for how long it is good. */
export interface AccessToken {
  readonly token: string;
  readonly lifetimeMs: number;
  /** Why credentials that were found were not sent. */
  readonly withheld?: string;
}

/** What to ask for, and on whose word. */
export interface TokenRequest {
  /** The registry that named the realm, and the address it answered from. */
  readonly registry: URL;
  readonly registryAddress: string | undefined;
  readonly realm: string;
  readonly service: string | undefined;
  readonly scopes: readonly string[];
  /** Never of kind "registry token": that is an access token already. */
  readonly found: FoundCredential | undefined;
  readonly trustedRealms: readonly string[];
  readonly signal: AbortSignal;
}

/** What is good for an unnamed time is good for a minute, says the protocol. */
const DEFAULT_LIFETIME_S = 60;

/**
 * Asks once.
 *
 * @throws {KilnError} kind `denied`, if the realm is not to be trusted; kind `registry`, if its answer is none.
 * @throws {StatusFault} if it refuses, and {TransportFault} if it cannot be reached.
 */
export async function requestToken(
  request: TokenRequest,
  { transport, nowMs }: { readonly transport: Transport; readonly nowMs: number },
): Promise<AccessToken> {
  const { registry, registryAddress, trustedRealms, signal } = request;
  const target = parseRealm(request);
  const verdict = judge({ purpose: "token", registry, registryAddress, target, trustedRealms });
  if (verdict.kind === "refused") throw untrusted(request, verdict.why);
  const found = verdict.credentials ? request.found : undefined;
  const response = await transport.request({ ...formulate(target, request, found), reach: verdict.reach, signal });
  if (response.status !== 200) throw await StatusFault.read(response, { nowMs, credentials: found?.origin });
  const token = await parseToken(response);
  if (found !== undefined || request.found === undefined) return token;
  return {
    ...token,
    withheld: `the credentials from ${request.found.origin} were not sent: "${registry.host}" wants tokens from ` +
      `"${target.host}", which is not known to belong to it`,
  };
}

function parseRealm(request: TokenRequest): URL {
  try {
    return new URL(request.realm);
  } catch {
    throw untrusted(request, "it is not a URL");
  }
}

function untrusted({ registry, realm }: TokenRequest, why: string): KilnError {
  // Up to the query: that may hold anything, the rest only names a place.
  const [place = ""] = realm.split("?", 1);
  const message = `Cannot log in to "${registry.host}": it sends us to "${printable(place)}" for a token, but ${why}`;
  return new KilnError("denied", message);
}

interface Formulated {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: { readonly length: number; open(): AsyncIterable<Uint8Array> };
}

function formulate(target: URL, request: TokenRequest, found: FoundCredential | undefined): Formulated {
  const { service, scopes } = request;
  if (found?.credential.kind === "identity token") {
    const form = new URLSearchParams({
      grant_type: "refresh_token",
      client_id: "kiln",
      refresh_token: found.credential.token,
      ...(service === undefined ? {} : { service }),
      ...(scopes.length === 0 ? {} : { scope: scopes.join(" ") }),
    });
    const bytes = new TextEncoder().encode(form.toString());
    return {
      method: "POST",
      url: target,
      headers: { "content-type": "application/x-www-form-urlencoded" },
      body: { length: bytes.length, open: () => once(bytes) },
    };
  }
  const url = new URL(target);
  if (service !== undefined) url.searchParams.set("service", service);
  for (const scope of scopes) url.searchParams.append("scope", scope);
  return { method: "GET", url, headers: found === undefined ? {} : { authorization: basicAuthorization(found) } };
}

/** Returns the `Authorization` header for a user and password. */
export function basicAuthorization({ credential }: FoundCredential): string {
  if (credential.kind !== "basic") throw new Error(`Unreachable: a ${credential.kind} is no user and password`);
  return `Basic ${Buffer.from(`${credential.username}:${credential.password}`).toString("base64")}`;
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

async function parseToken(response: HttpResponse): Promise<AccessToken> {
  const fail = (why: string) =>
    new KilnError("registry", `Cannot log in: the answer of the token service "${response.url.host}" ${why}`);
  const { bytes, complete } = await response.document(DOCUMENT_CAP_BYTES);
  if (!complete) throw fail("is longer than 64 KiB");
  const what = `the answer of the token service "${response.url.host}"`;
  let fields;
  try {
    fields = parseJsonObject(bytes, what);
  } catch {
    // Without the cause, which would quote the answer.
    throw fail("is not a JSON object");
  }
  const token = optionalString(fields, "token", what) || optionalString(fields, "access_token", what);
  // It becomes part of a header: a line break in it could smuggle in another.
  if (token === undefined || !/^[\x21-\x7e]+$/.test(token)) throw fail("has no usable token");
  const seconds = optionalInteger(fields, "expires_in", what) ?? 0;
  return { token, lifetimeMs: (seconds > 0 ? seconds : DEFAULT_LIFETIME_S) * 1000 };
}
