/**
 * A web server on loopback that serves one archive, and misbehaves where a test tells it to.
 *
 * @module
 */
import type { ServerResponse } from "node:http";
import { type Identity, type SeenRequest, startServer, type TestServer } from "./registry_server.ts";

/** What a test puts in place of the right answer. */
export type Misbehaviour = (request: SeenRequest, response: ServerResponse) => void | Promise<void>;

/** What the server serves; a test may change it between requests. */
export interface Served {
  bytes: Uint8Array;
  /** Absent: there is none. */
  etag?: string;
  /** When it was last changed, as HTTP has it; absent: the server does not say. */
  modified?: string;
  /** False: a Range is answered with everything. */
  ranges: boolean;
}

/** The server. */
export interface ArchiveServer extends TestServer {
  /** The URL of the archive. */
  readonly url: string;
  readonly served: Served;
  /** Lets the next requests be answered by the test. */
  readonly next: (...misbehaviours: readonly Misbehaviour[]) => void;
}

/** Starts the server. */
export async function startArchiveServer(bytes: Uint8Array, identity?: Identity): Promise<ArchiveServer> {
  const served: Served = { bytes, etag: '"v1"', ranges: true };
  const queue: Misbehaviour[] = [];
  const server = await startServer((request, response) => {
    const misbehaviour = queue.shift();
    return misbehaviour === undefined ? serve(served, request, response) : misbehaviour(request, response);
  }, identity);
  const scheme = identity === undefined ? "http" : "https";
  return {
    ...server,
    url: `${scheme}://${server.host}/context.tar.gz`,
    served,
    next: (...misbehaviours) => void queue.push(...misbehaviours),
  };
}

/** Sends the head of the whole archive and its first bytes, and breaks the connection. */
export function breakAfter(served: Served, count: number): Misbehaviour {
  return (_request, response) => {
    response.writeHead(200, headersOf(served, served.bytes.length));
    response.write(served.bytes.subarray(0, count), () => response.socket?.resetAndDestroy());
  };
}

/** Answers with a status and nothing else. */
export function answer(status: number, headers: Readonly<Record<string, string>> = {}): Misbehaviour {
  return (_request, response) => void response.writeHead(status, headers).end("no");
}

function serve(served: Served, request: SeenRequest, response: ServerResponse): void {
  const { bytes, etag, ranges } = served;
  const range = /^bytes=([0-9]+)-$/.exec(request.headers.range ?? "");
  const condition = request.headers["if-range"];
  if (range === null || !ranges || (condition !== undefined && condition !== etag)) {
    response.writeHead(200, headersOf(served, bytes.length)).end(bytes);
    return;
  }
  const start = Number(range[1]);
  if (start >= bytes.length) {
    response.writeHead(416, { "content-range": `bytes */${bytes.length}` }).end();
    return;
  }
  const headers = { "content-range": `bytes ${start}-${bytes.length - 1}/${bytes.length}` };
  response.writeHead(206, { ...headersOf(served, bytes.length - start), ...headers }).end(bytes.subarray(start));
}

function headersOf({ etag, modified }: Served, length: number): Record<string, string> {
  return {
    "content-length": String(length),
    ...(etag === undefined ? {} : { etag }),
    ...(modified === undefined ? {} : { "last-modified": modified }),
  };
}
