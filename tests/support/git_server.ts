/**
 * A git server of the tests' own: Debian's `git http-backend` behind a small HTTP server on a loopback port.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { type ChildProcess, spawn } from "node:child_process";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo } from "node:net";
import { SEARCH_PATH } from "./environment/command.ts";

/** What the server is to do besides serving. */
export interface GitServerOptions {
  /** Every repository below is served: `/NAME.git`. */
  readonly root: string;
  /** `user:password` that are asked for; without, everybody may read. */
  readonly credential?: string;
  /** Looked at first; returns true if it has answered itself. */
  readonly intercept?: (request: IncomingMessage, response: ServerResponse) => boolean | Promise<boolean>;
  /** May change, shorten or end each answer of git: gets its bytes as they come. */
  readonly alter?: (request: IncomingMessage, body: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>;
  /** PEM key and certificate, to serve https. */
  readonly tls?: { readonly key: string; readonly cert: string };
  /** Speaks only protocol version 0, as old servers do. */
  readonly oldProtocol?: boolean;
}

/** One request that came in. */
export interface LoggedRequest {
  readonly method: string;
  readonly url: string;
  readonly authorization: string | undefined;
}

/** A running server. */
export interface GitTestServer extends AsyncDisposable {
  readonly host: string;
  readonly requests: readonly LoggedRequest[];
  /** The URL of a repository below the root. */
  url(name: string): URL;
}

/** Thrown by `alter` to close the connection. */
export class Cut extends Error {}

/** Starts a server. */
export async function startGitServer(options: GitServerOptions): Promise<GitTestServer> {
  const requests: LoggedRequest[] = [];
  const children = new Set<ChildProcess>();
  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    requests.push({
      method: request.method ?? "",
      url: request.url ?? "",
      authorization: request.headers.authorization,
    });
    serve(request, response, { options, children }).catch(() => response.destroy());
  };
  const { tls } = options;
  const server = tls === undefined ? createServer(listener) : createSecureServer({ ...tls }, listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  // a TCP server's address is a record
  const { port } = server.address() as AddressInfo;
  const host = `127.0.0.1:${port}`;
  return {
    host,
    requests,
    url: (name: string): URL => new URL(`${tls === undefined ? "http" : "https"}://${host}/${name}`),
    async [Symbol.asyncDispose](): Promise<void> {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await Promise.all([...children].map((child) => {
        child.kill("SIGKILL");
        return new Promise((resolve) => child.once("close", resolve));
      }));
    },
  };
}

interface Serving {
  readonly options: GitServerOptions;
  readonly children: Set<ChildProcess>;
}

async function serve(request: IncomingMessage, response: ServerResponse, serving: Serving): Promise<void> {
  const { options } = serving;
  if (await options.intercept?.(request, response)) return;
  if (options.credential !== undefined) {
    const expected = `Basic ${btoa(options.credential)}`;
    if (request.headers.authorization !== expected) {
      response.writeHead(401, { "www-authenticate": 'Basic realm="git"', "content-type": "text/plain" });
      response.end("who are you?\n");
      return;
    }
  }
  await runBackend(request, response, serving);
}

async function runBackend(
  request: IncomingMessage,
  response: ServerResponse,
  { options, children }: Serving,
): Promise<void> {
  const url = new URL(request.url ?? "/", "http://localhost");
  const protocol = request.headers["git-protocol"];
  const child = spawn("git", ["http-backend"], {
    env: {
      PATH: SEARCH_PATH,
      GIT_PROJECT_ROOT: options.root,
      GIT_HTTP_EXPORT_ALL: "1",
      GIT_CONFIG_COUNT: "1",
      GIT_CONFIG_KEY_0: "safe.directory",
      GIT_CONFIG_VALUE_0: "*",
      PATH_INFO: decodeURIComponent(url.pathname),
      QUERY_STRING: url.search.slice(1),
      REQUEST_METHOD: request.method ?? "GET",
      CONTENT_TYPE: request.headers["content-type"] ?? "",
      ...(typeof protocol === "string" && options.oldProtocol !== true ? { GIT_PROTOCOL: protocol } : {}),
    },
    stdio: ["pipe", "pipe", "ignore"],
  });
  children.add(child);
  child.once("close", () => children.delete(child));
  child.stdin.on("error", () => {});
  request.pipe(child.stdin);
  const body = readHead(child.stdout, response);
  try {
    for await (const chunk of options.alter?.(request, body) ?? body) {
      if (!response.write(chunk)) {
        await new Promise<void>((resolve) => {
          response.once("drain", resolve);
          response.once("close", resolve);
        });
      }
      if (response.destroyed) break;
    }
    response.end();
  } catch (error) {
    if (!(error instanceof Cut)) throw error;
    response.destroy();
  } finally {
    child.kill("SIGKILL");
  }
}

/** Reads the head of a CGI answer, which is passed on, and yields the body. */
async function* readHead(stream: AsyncIterable<Uint8Array>, response: ServerResponse): AsyncGenerator<Uint8Array> {
  let head = "";
  let inHead = true;
  for await (const chunk of stream) {
    if (!inHead) {
      yield chunk;
      continue;
    }
    // Not TextDecoder: its "latin1" is windows-1252.
    head += Buffer.from(chunk).toString("latin1");
    const end = head.indexOf("\r\n\r\n");
    if (end < 0) continue;
    inHead = false;
    let status = 200;
    for (const line of head.slice(0, end).split("\r\n")) {
      const colon = line.indexOf(":");
      const [name, value] = [line.slice(0, colon), line.slice(colon + 1).trim()];
      if (name.toLowerCase() === "status") status = Number.parseInt(value);
      else response.setHeader(name, value);
    }
    response.writeHead(status);
    const rest = Buffer.from(head.slice(end + 4), "latin1");
    if (rest.length > 0) yield rest;
  }
}
