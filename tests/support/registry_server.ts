/**
 * Loopback servers under a test's control: every request is written down, every answer is the test's own.
 *
 * @module
 */
import type { Buffer } from "node:buffer";
import http from "node:http";
import https from "node:https";
import net from "node:net";

/** A request as the server saw it. */
export interface SeenRequest {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly headers: http.IncomingHttpHeaders;
  /** The body, complete once the handler has awaited it. */
  readonly body: () => Promise<Uint8Array>;
}

/** Answers a request; the raw response allows for resets and lies. */
export type Handler = (request: SeenRequest, response: http.ServerResponse) => void | Promise<void>;

/** A running server. */
export interface TestServer extends AsyncDisposable {
  /** `127.0.0.1:port`. */
  readonly host: string;
  readonly port: number;
  readonly seen: SeenRequest[];
  /** How many connections were opened so far. */
  readonly connections: () => number;
}

/** Key and certificate of a server, in PEM. */
export interface Identity {
  readonly key: string;
  readonly cert: string;
}

/** Starts an HTTP server, or an HTTPS one if it is given an identity. */
export async function startServer(handler: Handler, identity?: Identity): Promise<TestServer> {
  const seen: SeenRequest[] = [];
  const answer = (request: http.IncomingMessage, response: http.ServerResponse) => {
    // Broken connections are what many tests are about.
    request.on("error", () => {});
    response.on("error", () => {});
    const noted: SeenRequest = {
      method: request.method ?? "",
      path: request.url ?? "",
      headers: request.headers,
      body: once(() => collect(request)),
    };
    seen.push(noted);
    Promise.resolve(noted).then((noted) => handler(noted, response)).catch(() => response.socket?.destroy());
  };
  const server = identity === undefined ? http.createServer(answer) : https.createServer({ ...identity }, answer);
  server.keepAliveTimeout = 60_000;
  return { seen, ...await listen(server) };
}

/** Starts a TCP server that hands every connection to the test. */
export function startRawServer(handler: (socket: net.Socket) => void): Promise<Omit<TestServer, "seen">> {
  return listen(net.createServer((socket) => {
    socket.on("error", () => {});
    handler(socket);
  }));
}

/** Makes a self-signed certificate for `localhost`, 127.0.0.1 and the given names, valid for a day. */
export async function createIdentity(
  { names = [], key: kind = "ec" }: { readonly names?: readonly string[]; readonly key?: "ec" | "rsa" } = {},
): Promise<Identity> {
  const directory = await Deno.makeTempDir({ prefix: "kiln-test-" });
  const keyOptions = kind === "rsa" ? ["rsa:2048"] : ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"];
  const subjects = ["DNS:localhost", "IP:127.0.0.1", ...names.map((name) => `DNS:${name}`)];
  try {
    const { success, stderr } = await new Deno.Command("openssl", {
      cwd: directory,
      stderr: "piped",
      // deno-fmt-ignore
      args: ["req", "-x509", "-newkey", ...keyOptions, "-nodes", "-days", "1", "-keyout", "key.pem", "-out", "cert.pem",
        "-subj", "/CN=localhost", "-addext", `subjectAltName=${subjects.join()}`],
    }).output();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
    const [key, cert] = await Promise.all(
      ["key.pem", "cert.pem"].map((name) => Deno.readTextFile(`${directory}/${name}`)),
    );
    if (key === undefined || cert === undefined) throw new Error("Unreachable: two files were read");
    return { key, cert };
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

async function listen(server: net.Server): Promise<Omit<TestServer, "seen">> {
  let connections = 0;
  const open = new Set<net.Socket>();
  server.on("connection", (socket) => {
    connections++;
    open.add(socket);
    socket.on("close", () => open.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("Unreachable: it listens on TCP");
  return {
    host: `127.0.0.1:${address.port}`,
    port: address.port,
    connections: () => connections,
    async [Symbol.asyncDispose](): Promise<void> {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}

async function collect(request: http.IncomingMessage): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const bytes = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

function once<T>(body: () => Promise<T>): () => Promise<T> {
  let result: Promise<T> | undefined;
  return () => result ??= body();
}
