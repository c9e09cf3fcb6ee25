/**
 * Connections kept alive between requests, direct or through a proxy.
 *
 * Plain http goes to a proxy in absolute form, https through a CONNECT tunnel. Agents are separate per reach, so that a
 * request with a narrow reach never gets a connection that was opened with a wider one.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import http from "node:http";
import https from "node:https";
import { isIP, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import tls from "node:tls";
import type { Environment } from "./proxy.ts";
import { proxyFor } from "./proxy.ts";
import { lookupWithin, type Reach } from "./reach.ts";
import { faultOf, TransportFault } from "./transport_fault.ts";

/** Where to send a request and over which connections. */
export interface Route {
  readonly agent: http.Agent;
  /** The proxy in use. */
  readonly proxy: URL | undefined;
  /** Whether the connection, once there, is ready to carry the request to the target (a finished tunnel is). */
  readonly tunnelled: boolean;
}

/** Makes and keeps agents. */
export class Agents {
  readonly #environment: Environment;
  readonly #connectTimeoutMs: number;
  readonly #agents = new Map<string, http.Agent>();
  readonly #connecting = new Set<http.ClientRequest>();

  constructor(environment: Environment, connectTimeoutMs: number) {
    this.#environment = environment;
    this.#connectTimeoutMs = connectTimeoutMs;
  }

  /** Returns the route to a target. */
  route(target: URL, reach: Reach): Route {
    const proxy = proxyFor(target, this.#environment);
    const secure = target.protocol === "https:";
    const key = `${target.protocol} ${reach} ${proxy?.href ?? ""}`;
    let agent = this.#agents.get(key);
    if (agent === undefined) {
      agent = this.#create(secure, reach, proxy);
      this.#agents.set(key, agent);
    }
    return { agent, proxy, tunnelled: secure && proxy !== undefined };
  }

  /** Closes idle connections and gives up tunnels in the making. */
  close(): void {
    for (const agent of this.#agents.values()) agent.destroy();
    for (const request of this.#connecting) request.destroy();
    this.#agents.clear();
  }

  #create(secure: boolean, reach: Reach, proxy: URL | undefined): http.Agent {
    const options = { keepAlive: true, maxFreeSockets: 64 };
    if (proxy === undefined) {
      const guarded = reach === "any" ? options : { ...options, lookup: lookupWithin(reach) };
      return secure ? new https.Agent(guarded) : new http.Agent(guarded);
    }
    if (secure) return new TunnelAgent(options, (host, port) => this.#tunnel(proxy, `${bracketed(host)}:${port}`));
    return proxy.protocol === "https:" ? new https.Agent(options) : new http.Agent(options);
  }

  /** Asks the proxy for a connection to `authority`. */
  #tunnel(proxy: URL, authority: string): Promise<Socket> {
    return new Promise((resolve, reject) => {
      const fail = (message: string, code: string) =>
        reject(new TransportFault(message, { phase: "proxy", host: proxy.host, code }));
      const request = (proxy.protocol === "https:" ? https : http).request({
        ...proxyAddress(proxy),
        method: "CONNECT",
        path: authority,
        agent: false,
        headers: { host: authority, ...proxyAuthorization(proxy) },
      });
      this.#connecting.add(request);
      const timer = setTimeout(() => {
        fail("it did not answer in time", "KILN_TIMEOUT");
        request.destroy();
      }, this.#connectTimeoutMs);
      request.on("close", () => {
        clearTimeout(timer);
        this.#connecting.delete(request);
      });
      request.on("error", (error) => reject(faultOf(error, { phase: "proxy", host: proxy.host })));
      request.on("connect", (response, socket, early: Buffer) => {
        const { statusCode } = response;
        if (statusCode === 200 && early.length === 0) return resolve(socket);
        socket.destroy();
        fail(`it answered ${statusCode} ${response.statusMessage}`, "KILN_PROXY");
      });
      request.on("response", (response) => {
        // CONNECT answered by a server that treats it like any other method.
        response.destroy();
        fail(`it answered ${response.statusCode} ${response.statusMessage}`, "KILN_PROXY");
      });
      request.end();
    });
  }
}

/** Returns the `Proxy-Authorization` header for the user and password in a proxy's URL. */
export function proxyAuthorization(proxy: URL): Record<string, string> {
  if (proxy.username === "" && proxy.password === "") return {};
  const pair = `${decoded(proxy.username)}:${decoded(proxy.password)}`;
  return { "proxy-authorization": `Basic ${Buffer.from(pair).toString("base64")}` };
}

/** Returns host and port of a URL as Node's request options. */
export function proxyAddress(url: URL): { readonly hostname: string; readonly port: number } {
  return {
    hostname: url.hostname.replace(/^\[|\]$/g, ""),
    port: Number(url.port) || (url.protocol === "https:" ? 443 : 80),
  };
}

/** An https agent whose TLS connections run inside tunnels made by `open`. */
class TunnelAgent extends https.Agent {
  readonly #open: (host: string, port: number) => Promise<Socket>;

  constructor(options: https.AgentOptions, open: (host: string, port: number) => Promise<Socket>) {
    super(options);
    this.#open = open;
  }

  override createConnection(
    options: tls.ConnectionOptions,
    callback: (error: Error | null, stream: Duplex) => void,
  ): undefined {
    const host = options.host ?? "";
    // Node's type wants a stream also with an error; it reads it only without one.
    const fail = (error: unknown) => (callback as (error: unknown) => void)(error);
    this.#open(host, Number(options.port)).then((socket) => {
      const secured = tls.connect({ ...options, socket, servername: isIP(host) === 0 ? host : "" });
      const refuse = (error: unknown) => fail(faultOf(error, { phase: "tls", host }));
      secured.once("error", refuse);
      secured.once("secureConnect", () => {
        secured.off("error", refuse);
        callback(null, secured);
      });
    }, fail);
    return undefined;
  }
}

/** Undoes percent-encoding; a password with a lone "%" is meant as it stands. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function bracketed(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}
