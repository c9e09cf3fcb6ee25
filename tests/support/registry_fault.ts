/**
 * A registry in memory that speaks the distribution API, and misbehaves where a test tells it to.
 *
 * Upload sessions are as awkward as the specification allows: the Location is relative, and its query changes with every
 * answer, an outdated one being refused.
 *
 * @module
 */
import { createHash } from "node:crypto";
import type { IncomingHttpHeaders, ServerResponse } from "node:http";
import { type Handler, type Identity, type SeenRequest, startServer, type TestServer } from "./registry_server.ts";

/** What a test puts in place of, or around, the right answer. */
export type Misbehaviour = (
  request: SeenRequest,
  response: ServerResponse,
  proceed: () => Promise<void>,
) => void | Promise<void>;

/** A manifest as stored. */
export interface StoredManifest {
  readonly type: string;
  readonly bytes: Uint8Array;
}

/** An upload session. */
export interface Session {
  readonly repository: string;
  bytes: Uint8Array;
  state: number;
}

/** The registry, its content open to the test. */
export interface FaultRegistry extends TestServer {
  /** By `repository@digest`. */
  readonly blobs: Map<string, Uint8Array>;
  /** By `repository:tag` and `repository@digest`. */
  readonly manifests: Map<string, StoredManifest>;
  readonly sessions: Map<string, Session>;
  /** Every request so far, as `METHOD path`, session ids and states replaced by `ID`. */
  readonly log: () => readonly string[];
  /** Lets the next requests that fit be handled by the test: as many as there are misbehaviours, in order. */
  readonly next: (method: string, path: RegExp, ...misbehaviours: readonly Misbehaviour[]) => void;
  /** Lets all requests that fit be handled by the test. */
  readonly always: (method: string, path: RegExp, misbehaviour: Misbehaviour) => void;
  /** Puts a blob into a repository; returns its digest. */
  readonly addBlob: (repository: string, bytes: Uint8Array) => string;
}

/** Starts an empty registry. */
export async function startFaultRegistry(identity?: Identity): Promise<FaultRegistry> {
  const content = { blobs: new Map(), manifests: new Map(), sessions: new Map(), count: { sessions: 0 } };
  const rules: { method: string; path: RegExp; left: Misbehaviour[]; always?: Misbehaviour }[] = [];
  const handler: Handler = async (request, response) => {
    const proceed = () => serve(content, request, response);
    const rule = rules.find(({ method, path, left, always }) =>
      method === request.method && path.test(request.path) && (left.length > 0 || always !== undefined)
    );
    const misbehaviour = rule?.left.shift() ?? rule?.always;
    await (misbehaviour === undefined ? proceed() : misbehaviour(request, response, proceed));
  };
  const server = await startServer(handler, identity);
  return {
    ...server,
    ...content,
    log: () =>
      server.seen.map(({ method, path }) =>
        `${method} ${path.replace(/uploads\/[0-9]+\?_state=[0-9]+/, "uploads/ID")}`
      ),
    next: (method, path, ...misbehaviours) => void rules.push({ method, path, left: [...misbehaviours] }),
    always: (method, path, misbehaviour) => void rules.push({ method, path, left: [], always: misbehaviour }),
    addBlob(repository: string, bytes: Uint8Array): string {
      const digest = digestOf(bytes);
      content.blobs.set(`${repository}@${digest}`, bytes);
      return digest;
    },
  };
}

/** Answers with a status and a registry's error document. */
export function fail(status: number, code: string, headers: Record<string, string> = {}): Misbehaviour {
  return async (request, response) => {
    await request.body();
    error(response, status, { code, headers });
  };
}

/** Answers with just a status, some headers and a text. */
export function answer(status: number, headers: Record<string, string> = {}, text = ""): Misbehaviour {
  return async (request, response) => {
    await request.body();
    response.writeHead(status, headers).end(text);
  };
}

/**
 * Counts how many requests are being answered at once. The first `expected` are held until so many are there, and a
 * moment longer, so that one too many would be seen.
 */
export function countAtOnce(expected: number): { readonly misbehaviour: Misbehaviour; readonly most: () => number } {
  let flying = 0;
  let most = 0;
  let held = true;
  const { promise: full, resolve: release } = Promise.withResolvers<void>();
  return {
    most: () => most,
    misbehaviour: async (_request, _response, proceed) => {
      most = Math.max(most, ++flying);
      if (held && flying === expected) {
        held = false;
        setTimeout(release, 30);
      }
      await full;
      flying--;
      await proceed();
    },
  };
}

/** Resets the connection before there is an answer. */
export function reset(_request: SeenRequest, response: ServerResponse): void {
  response.socket?.resetAndDestroy();
}

/** Sends the first bytes of a blob under the headers of the whole, then breaks the connection. */
export function breakAfter(bytes: Uint8Array, sent: number): Misbehaviour {
  return (_request, response) => {
    response.writeHead(200, { "content-length": bytes.length });
    response.write(bytes.subarray(0, sent), () => void response.socket?.destroy());
  };
}

/** Returns the digest of bytes. */
export function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

interface Content {
  readonly blobs: Map<string, Uint8Array>;
  readonly manifests: Map<string, StoredManifest>;
  readonly sessions: Map<string, Session>;
  readonly count: { sessions: number };
}

async function serve(content: Content, request: SeenRequest, response: ServerResponse): Promise<void> {
  const url = new URL(request.path, "http://registry");
  const { pathname, searchParams } = url;
  if (pathname === "/v2/") return void response.end("{}");
  const parts = /^\/v2\/(.+)\/(manifests|blobs\/uploads|blobs)\/([^/]*)$/.exec(pathname);
  const [, repository, kind, name] = parts ?? [];
  if (repository === undefined || name === undefined) return error(response, 404, { code: "NAME_UNKNOWN" });
  if (kind === "manifests") return await serveManifest(content, request, { response, repository, name });
  if (kind === "blobs") return serveBlob(content, request, { response, repository, name });
  if (request.method === "POST") return startUpload(content, searchParams, { response, repository, name });
  const session = content.sessions.get(name);
  if (session?.repository !== repository || String(session.state) !== searchParams.get("_state")) {
    await request.body();
    return error(response, 404, { code: "BLOB_UPLOAD_UNKNOWN" });
  }
  await serveUpload(content, request, { response, repository, name, session, digest: searchParams.get("digest") });
}

interface Target {
  readonly response: ServerResponse;
  readonly repository: string;
  readonly name: string;
}

async function serveManifest(
  content: Content,
  request: SeenRequest,
  { response, repository, name }: Target,
): Promise<void> {
  const key = name.startsWith("sha256:") ? `${repository}@${name}` : `${repository}:${name}`;
  if (request.method === "PUT") {
    const bytes = await request.body();
    const manifest = { type: request.headers["content-type"] ?? "", bytes };
    const missing = blobsOf(bytes).filter((digest) => !content.blobs.has(`${repository}@${digest}`));
    if (missing.length > 0) {
      const errors = missing.map((digest) => ({
        code: "MANIFEST_BLOB_UNKNOWN",
        message: "blob unknown",
        detail: { digest },
      }));
      return void response.writeHead(404, JSON_TYPE).end(JSON.stringify({ errors }));
    }
    content.manifests.set(key, manifest);
    content.manifests.set(`${repository}@${digestOf(bytes)}`, manifest);
    return void response.writeHead(201, { "docker-content-digest": digestOf(bytes) }).end();
  }
  const manifest = content.manifests.get(key);
  if (manifest === undefined) return error(response, 404, { code: "MANIFEST_UNKNOWN" });
  response.writeHead(200, {
    "content-type": manifest.type,
    "content-length": manifest.bytes.length,
    "docker-content-digest": digestOf(manifest.bytes),
  }).end(request.method === "HEAD" ? undefined : manifest.bytes);
}

function serveBlob(content: Content, request: SeenRequest, { response, repository, name }: Target): void {
  const bytes = content.blobs.get(`${repository}@${name}`);
  if (bytes === undefined) return error(response, 404, { code: "BLOB_UNKNOWN" });
  const start = Number(/^bytes=([0-9]+)-$/.exec(request.headers.range ?? "")?.[1] ?? NaN);
  const headers = { "docker-content-digest": name, "accept-ranges": "bytes" };
  if (request.method === "HEAD") {
    return void response.writeHead(200, { ...headers, "content-length": bytes.length }).end();
  }
  if (Number.isNaN(start)) {
    return void response.writeHead(200, { ...headers, "content-length": bytes.length }).end(bytes);
  }
  if (start >= bytes.length) return error(response, 416, { code: "RANGE_INVALID" });
  response.writeHead(206, {
    ...headers,
    "content-range": `bytes ${start}-${bytes.length - 1}/${bytes.length}`,
    "content-length": bytes.length - start,
  }).end(bytes.subarray(start));
}

function startUpload(content: Content, query: URLSearchParams, { response, repository }: Target): void {
  const [mount, from] = [query.get("mount"), query.get("from")];
  const bytes = content.blobs.get(`${from}@${mount}`);
  if (bytes !== undefined && mount !== null) {
    content.blobs.set(`${repository}@${mount}`, bytes);
    return void response.writeHead(201, {
      location: `/v2/${repository}/blobs/${mount}`,
      "docker-content-digest": mount,
    }).end();
  }
  const id = String(++content.count.sessions);
  content.sessions.set(id, { repository, bytes: new Uint8Array(), state: 0 });
  response.writeHead(202, { location: `/v2/${repository}/blobs/uploads/${id}?_state=0`, range: "0-0" }).end();
}

async function serveUpload(
  content: Content,
  request: SeenRequest,
  { response, repository, name, session, digest }: Target & { session: Session; digest: string | null },
): Promise<void> {
  const state = (status: number) =>
    response.writeHead(status, {
      location: `/v2/${repository}/blobs/uploads/${name}?_state=${++session.state}`,
      range: `0-${Math.max(0, session.bytes.length - 1)}`,
    }).end();
  if (request.method === "GET") return void state(204);
  if (request.method === "DELETE") {
    content.sessions.delete(name);
    return void response.writeHead(204).end();
  }
  const body = await request.body();
  if (request.method === "PATCH") {
    if (!continues(request.headers, session, body)) return error(response, 416, { code: "BLOB_UPLOAD_INVALID" });
    session.bytes = joined(session.bytes, body);
    return void state(202);
  }
  const bytes = joined(session.bytes, body);
  content.sessions.delete(name);
  if (digest === null || digestOf(bytes) !== digest) return error(response, 400, { code: "DIGEST_INVALID" });
  content.blobs.set(`${repository}@${digest}`, bytes);
  response.writeHead(201, { location: `/v2/${repository}/blobs/${digest}`, "docker-content-digest": digest }).end();
}

function continues(headers: IncomingHttpHeaders, session: Session, body: Uint8Array): boolean {
  const range = headers["content-range"];
  const start = session.bytes.length;
  return range === undefined || range === `${start}-${start + body.length - 1}`;
}

/** The blobs a manifest names; an index has none. */
function blobsOf(manifest: Uint8Array): readonly string[] {
  const { config, layers = [] } = JSON.parse(new TextDecoder().decode(manifest));
  return [config, ...layers].filter((entry) => entry !== undefined).map(({ digest }) => digest);
}

function joined(one: Uint8Array, other: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(one.length + other.length);
  bytes.set(one);
  bytes.set(other, one.length);
  return bytes;
}

const JSON_TYPE = { "content-type": "application/json" };

function error(
  response: ServerResponse,
  status: number,
  { code, headers = {} }: { readonly code: string; readonly headers?: Record<string, string> },
): void {
  const errors = [{ code, message: `${code.toLowerCase().replaceAll("_", " ")}` }];
  response.writeHead(status, { ...JSON_TYPE, ...headers }).end(JSON.stringify({ errors }));
}
