/**
 * Git's smart HTTP protocol: gitprotocol-http(5).
 *
 * Redirects are followed for the first request only, as git does (http.followRedirects=initial); what they led to is the
 * server from then on. Credentials go to the host they are for and to no other (S49, CVE-2026-41506).
 *
 * @module
 */
import { Buffer } from "node:buffer";
import type { Reach } from "../http/reach.ts";
import type { HttpResponse } from "../http/response.ts";
import type { RequestBody, Transport } from "../http/transport.ts";
import { type Advertisement, readAdvertisement } from "./advertisement.ts";
import { HttpRefusal } from "./fault.ts";
import { asNearAs } from "./neighbours.ts";
import { notGit, PacketReader } from "./packet.ts";
import { printable } from "./printable.ts";
import { type BasicCredential, nameOfRemote } from "./remote.ts";
import type { GitConversation, GitServer } from "./server.ts";

/** What an HTTP server is talked to with. */
export interface SmartHttpOptions {
  readonly transport: Transport;
  /** The value of the `Authorization` header, for the host of the repository. A secret. */
  readonly authorization?: string;
  /** How near the server may be: `any` for one the user named. */
  readonly reach: Reach;
}

const MAX_REDIRECTS = 5;
const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];
/** A server packs before it answers; large repositories take minutes. */
const PACK_TIMEOUT_MS = 10 * 60_000;
const SERVICE = "git-upload-pack";

/** Makes the server of a repository's URL. */
export function smartHttpServer(url: URL, options: SmartHttpOptions): GitServer {
  return {
    name: nameOfRemote({ kind: "http", url }),
    open: (signal: AbortSignal): Promise<GitConversation> => open(url, { ...options, signal }),
  };
}

interface OpenOptions extends SmartHttpOptions {
  readonly signal: AbortSignal;
}

async function open(repository: URL, options: OpenOptions): Promise<GitConversation> {
  const { url, response, authorization, reach } = await askForAdvertisement(repository, options);
  const packets = new PacketReader(response.body());
  let advertisement: Advertisement;
  try {
    advertisement = await readAdvertisement(packets);
  } finally {
    await packets[Symbol.asyncDispose]();
  }
  const { transport, signal } = options;
  return {
    advertisement,
    neighbours: asNearAs(url, { reach, address: response.remoteAddress }),
    async exchange(request: Uint8Array): Promise<PacketReader> {
      const answer = await transport.request({
        method: "POST",
        url: below(url, SERVICE),
        reach,
        signal,
        headers: {
          ...commonHeaders(authorization),
          "content-type": `application/x-${SERVICE}-request`,
          "accept": `application/x-${SERVICE}-result`,
        },
        body: bodyOf(request),
        answerTimeoutMs: PACK_TIMEOUT_MS,
      });
      await checkAnswer(answer, {
        expected: `application/x-${SERVICE}-result`,
        withCredentials: authorization !== undefined,
      });
      return new PacketReader(answer.body());
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

interface Reached {
  /** The repository's URL after redirects. */
  readonly url: URL;
  readonly response: HttpResponse;
  readonly authorization: string | undefined;
  readonly reach: Reach;
}

async function askForAdvertisement(repository: URL, options: OpenOptions): Promise<Reached> {
  const { transport, signal } = options;
  const suffix = `/info/refs?service=${SERVICE}`;
  let url = below(repository, `info/refs?service=${SERVICE}`);
  let { authorization, reach } = options;
  for (let hops = 0;; hops++) {
    const response = await transport.request({
      method: "GET",
      url,
      reach,
      signal,
      headers: commonHeaders(authorization),
    });
    if (!REDIRECTS.includes(response.status)) {
      const expected = `application/x-${SERVICE}-advertisement`;
      await checkAnswer(response, { expected, withCredentials: authorization !== undefined });
      return { url: new URL(url.href.slice(0, -suffix.length)), response, authorization, reach };
    }
    await response.discard();
    if (hops === MAX_REDIRECTS) throw notGit(`it redirects more than ${MAX_REDIRECTS} times`);
    const next = redirected(response, suffix);
    if (!isSameHost(url, next)) {
      authorization = undefined;
      reach = asNearAs(url, { reach, address: response.remoteAddress });
    }
    url = next;
  }
}

/** A redirect may go to another host, but not down to plain HTTP and not with credentials of its own. */
function redirected(response: HttpResponse, suffix: string): URL {
  const location = response.header("location") ?? "";
  const next = URL.parse(location, response.url);
  if (next === null) throw notGit("it redirects to what is not a URL");
  const downgrade = response.url.protocol === "https:" && next.protocol !== "https:";
  if (downgrade || !/^https?:$/.test(next.protocol) || next.username !== "" || next.password !== "") {
    throw notGit(`it redirects to "${printable(`${next.protocol}//${next.host}`)}", which is not followed`);
  }
  next.hash = "";
  if (!next.href.endsWith(suffix)) throw notGit("it redirects to another kind of page");
  return next;
}

/** The same origin, or the same host by https on its default port instead of http. */
function isSameHost(from: URL, to: URL): boolean {
  const upgrade = from.protocol === "http:" && to.protocol === "https:" && from.port === "" && to.port === "";
  return from.origin === to.origin || (upgrade && from.hostname === to.hostname);
}

function commonHeaders(authorization: string | undefined): Record<string, string> {
  return {
    "git-protocol": "version=2",
    ...(authorization === undefined ? {} : { authorization }),
  };
}

/** Returns the value of the `Authorization` header. */
export function basicAuthorization({ username, password }: BasicCredential): string {
  return `Basic ${Buffer.from(`${username}:${password}`, "utf8").toString("base64")}`;
}

function below(repository: URL, rest: string): URL {
  return new URL(`${repository.href.replace(/\/+$/, "")}/${rest}`);
}

function bodyOf(bytes: Uint8Array): RequestBody {
  return {
    length: bytes.length,
    async *open(): AsyncGenerator<Uint8Array> {
      yield await Promise.resolve(bytes);
    },
  };
}

async function checkAnswer(
  response: HttpResponse,
  { expected, withCredentials }: { readonly expected: string; readonly withCredentials: boolean },
): Promise<void> {
  if (response.status !== 200) {
    const { status, statusText, url } = response;
    const asText = (response.header("content-type") ?? "").startsWith("text/plain");
    const { bytes } = await response.document(4096).catch(() => ({ bytes: new Uint8Array() }));
    const [line = ""] = asText ? new TextDecoder().decode(bytes).trim().split("\n", 1) : [];
    throw new HttpRefusal({ status, statusText, host: url.host, words: line, withCredentials });
  }
  const type = (response.header("content-type") ?? "").split(";", 1)[0]?.trim().toLowerCase();
  if (type === expected) return;
  await response.discard();
  throw notGit(`it has the type "${printable(type ?? "")}", not "${expected}"; is there a repository at this URL?`);
}
