/**
 * A proxy of the tests' own, behind which one server stands for the whole of the internet.
 *
 * @module
 */
import http from "node:http";
import net from "node:net";

/** A running proxy. */
export interface ProxyServer extends AsyncDisposable {
  /** With a user and a password. */
  readonly url: string;
  /** Requests: `CONNECT example.com:443`, `GET http://example.com/`. */
  readonly asked: readonly string[];
  readonly authorization: readonly (string | undefined)[];
}

/** Starts a proxy that connects everything to one port. @param refusal what it answers instead to every CONNECT */
export async function startProxy(port: number, refusal?: string): Promise<ProxyServer> {
  const asked: string[] = [];
  const authorization: (string | undefined)[] = [];
  const sockets = new Set<net.Socket>();
  const keep = (socket: net.Socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
  };
  const note = (request: http.IncomingMessage) => {
    asked.push(`${request.method} ${request.url}`);
    authorization.push(request.headers["proxy-authorization"]);
  };
  const server = http.createServer((request, response) => {
    note(request);
    const url = new URL(request.url ?? "");
    if (refusal !== undefined) return void response.writeHead(407).end();
    const { method, headers } = request;
    const path = `${url.pathname}${url.search}`;
    request.pipe(http.request({ port, method, headers, path, agent: false }, (answer) => {
      response.writeHead(answer.statusCode ?? 0, answer.headers);
      answer.pipe(response);
    }));
  });
  server.on("connection", keep);
  server.on("connect", (request, socket: net.Socket) => {
    note(request);
    if (refusal !== undefined) return void socket.end(refusal);
    const upstream = net.connect(port, "127.0.0.1", () => {
      socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
      socket.pipe(upstream).pipe(socket);
    });
    keep(upstream);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("Unreachable: it listens on TCP");
  return {
    url: `http://user:p%40ss@127.0.0.1:${address.port}`,
    asked,
    authorization,
    async [Symbol.asyncDispose](): Promise<void> {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
