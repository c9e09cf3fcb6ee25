/**
 * The one HTTP transport: requests over `node:http` and `node:https`, one at a time, without any policy.
 *
 * Not `fetch`, because that drops the Content-Length of streamed bodies, decodes response bodies and cannot skip TLS
 * verification for one host (decisions.md 17, measured in deno.md 8). Redirects are not followed here, nothing is
 * retried here but a request that met an idle connection the server had just closed, and no credentials are known here.
 *
 * @module
 */
import http from "node:http";
import https from "node:https";
import { Agents, proxyAddress, proxyAuthorization } from "./agents.ts";
import { freeReads } from "./free_reads.ts";
import type { Environment } from "./proxy.ts";
import { checkHost, type Reach } from "./reach.ts";
import { HttpResponse } from "./response.ts";
import { faultOf, type Phase, TransportFault } from "./transport_fault.ts";

/**
 * A request with a larger body is not repeated here when its idle connection turns out to be closed: it may as well have
 * been alive and broken in the middle, and who sends so much knows how to resume.
 */
const REPEAT_CAP_BYTES = 64 * 1024;

/** Response heads larger than this are refused. */
const HEAD_CAP_BYTES = 64 * 1024;

/** The body of a request: of known length, and to be had again if the request must be repeated. */
export interface RequestBody {
  readonly length: number;
  open(): AsyncIterable<Uint8Array>;
}

/** One request. */
export interface TransportRequest {
  readonly method: string;
  readonly url: URL;
  /** Names in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: RequestBody;
  /** How near the target may be; `any` only for hosts the user named. */
  readonly reach: Reach;
  /** How long to wait for the response once the request is sent, when not the transport's own. */
  readonly answerTimeoutMs?: number;
  /** How long to wait for a connection, when not the transport's own. */
  readonly connectTimeoutMs?: number;
  readonly signal: AbortSignal;
}

/** How to verify one host, and how to show who we are to it. */
export interface TlsOptions {
  /** PEM certificates to trust in place of the built-in ones. */
  readonly ca?: readonly string[];
  /** PEM client certificate and key. */
  readonly cert?: string;
  readonly key?: string;
  /** False to accept any certificate. */
  readonly rejectUnauthorized?: boolean;
}

/** What a transport is made of. */
export interface TransportOptions {
  readonly userAgent: string;
  /** Where `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` are looked up. */
  readonly environment: Environment;
  /** Returns the TLS options of a host (`host:port`, without a default port). */
  readonly tls?: (host: string) => TlsOptions | undefined;
  readonly timeouts?: Partial<Timeouts>;
}

/** Limits on waiting, in milliseconds. No limit on the whole: a slow transfer that moves is left alone. */
export interface Timeouts {
  /** From the start of the request to a connection, TLS included. */
  readonly connect: number;
  /** Without progress while a body is sent or received. */
  readonly stall: number;
  /** From the end of the request to the head of the response. */
  readonly answer: number;
}

const TIMEOUTS: Timeouts = { connect: 30_000, stall: 60_000, answer: 60_000 };

/** Sends requests. */
export interface Transport {
  /**
   * Sends one request and returns when the head of the response is there.
   *
   * @throws {TransportFault} if there is no response; or whatever the body's source throws.
   */
  request(request: TransportRequest): Promise<HttpResponse>;
  /** Closes idle connections. */
  close(): void;
}

/** Creates a transport with its own connections. */
export function createTransport(options: TransportOptions): Transport {
  const timeouts: Timeouts = { ...TIMEOUTS, ...options.timeouts };
  const agents = new Agents(options.environment, timeouts.connect);
  return {
    async request(request: TransportRequest): Promise<HttpResponse> {
      for (;;) {
        try {
          return await exchange(request, { options, timeouts, agents });
        } catch (error) {
          // An idle connection closed by the server, perhaps just now: each turn uses up one of them.
          const stale = error instanceof TransportFault && error.reused && isHangUp(error.code);
          const small = (request.body?.length ?? 0) <= REPEAT_CAP_BYTES;
          if (!stale || !small || request.signal.aborted) throw error;
        }
      }
    },
    close: (): void => agents.close(),
  };
}

interface Wiring {
  readonly options: TransportOptions;
  readonly timeouts: Timeouts;
  readonly agents: Agents;
}

async function exchange(request: TransportRequest, wiring: Wiring): Promise<HttpResponse> {
  const { signal, url } = request;
  signal.throwIfAborted();
  checkHost(url, request.reach);
  const route = wiring.agents.route(url, request.reach);
  const outgoing = open(request, route, wiring.options);
  freeReads(outgoing);
  const { timeouts } = wiring;
  const watch = new Watch(outgoing, url.host, {
    stall: timeouts.stall,
    answer: request.answerTimeoutMs ?? timeouts.answer,
    connect: request.connectTimeoutMs ?? timeouts.connect,
  });
  const stop = () => outgoing.destroy();
  signal.addEventListener("abort", stop, { once: true });
  const finished = () => signal.removeEventListener("abort", stop);
  const sending = send(request, outgoing, watch);
  try {
    watch.connecting(url.protocol === "https:" && !route.tunnelled);
    const message = await Promise.race([watch.answered, failureOf(sending)]);
    const refused = message.statusCode === 407 && route.proxy !== undefined && !route.tunnelled;
    if (refused) throw new TransportFault("it answered 407", proxyFacts(route.proxy));
    let complete = false;
    message.once("end", () => {
      // The connection can carry the next request only if this one was sent whole.
      complete = watch.sent;
      finished();
    });
    message.once("close", finished);
    return new HttpResponse(message, {
      url,
      signal,
      stallTimeoutMs: timeouts.stall,
      remoteAddress: route.proxy === undefined ? watch.remoteAddress : undefined,
      abandon: () => {
        if (!complete) outgoing.destroy();
      },
    });
  } catch (error) {
    finished();
    outgoing.destroy();
    signal.throwIfAborted();
    throw error;
  } finally {
    watch.stop();
    // The source of the body is closed before anybody opens it again. An early response may have made sending fail.
    await sending.catch(() => {});
  }
}

function proxyFacts(proxy: URL | undefined): { phase: Phase; host: string; code: string } {
  return { phase: "proxy", host: proxy?.host ?? "", code: "KILN_PROXY" };
}

function open(
  request: TransportRequest,
  route: ReturnType<Agents["route"]>,
  options: TransportOptions,
): http.ClientRequest {
  const { url, method, body } = request;
  const absolute = route.proxy !== undefined && !route.tunnelled;
  const next = absolute && route.proxy !== undefined ? route.proxy : url;
  const length = body?.length ?? (method === "GET" || method === "HEAD" || method === "DELETE" ? undefined : 0);
  return (next.protocol === "https:" ? https : http).request({
    ...proxyAddress(next),
    ...(url.protocol === "https:" ? tlsOptions(options.tls?.(url.host) ?? {}) : {}),
    method,
    path: absolute ? url.href : `${url.pathname}${url.search}`,
    agent: route.agent,
    maxHeaderSize: HEAD_CAP_BYTES,
    headers: {
      host: url.host,
      "user-agent": options.userAgent,
      "accept-encoding": "identity",
      ...request.headers,
      ...(length === undefined ? {} : { "content-length": String(length) }),
      ...(absolute && route.proxy !== undefined ? proxyAuthorization(route.proxy) : {}),
    },
  });
}

function tlsOptions({ ca, ...rest }: TlsOptions): https.RequestOptions {
  return ca === undefined ? rest : { ...rest, ca: [...ca] };
}

/** Sends the body, one chunk at a time, each handed over before the next is asked for. */
async function send(request: TransportRequest, outgoing: http.ClientRequest, watch: Watch): Promise<void> {
  const { body } = request;
  if (body !== undefined && body.length > 0) {
    let sent = 0;
    for await (const chunk of body.open()) {
      // The events of a connection that was destroyed come late while there is always more to hand over.
      if (watch.over || outgoing.destroyed) return;
      if (chunk.length === 0) continue;
      sent += chunk.length;
      if (sent > body.length) throw wrongLength(request, sent);
      await watch.during((done) => outgoing.write(chunk, done));
    }
    if (sent < body.length) throw wrongLength(request, sent);
  }
  outgoing.end();
  watch.bodySent();
}

function wrongLength(request: TransportRequest, sent: number): TransportFault {
  const message = `its source has ${sent < (request.body?.length ?? 0) ? "less" : "more"} than the announced bytes`;
  return new TransportFault(message, { phase: "send", host: request.url.host, code: "KILN_LENGTH" });
}

/** Settles only if `promise` fails, with its failure. */
function failureOf(promise: Promise<void>): Promise<never> {
  return new Promise((_resolve, reject) => promise.catch(reject));
}

/** Follows one exchange from the connection to the head of the response, with the timer each part has. */
class Watch {
  /** The head of the response, or the fault that came instead. */
  readonly answered: Promise<http.IncomingMessage>;
  /** The response is there, or will never be: sending on is of no use. */
  over = false;
  /** The whole request was handed over. */
  sent = false;
  remoteAddress: string | undefined;
  readonly #outgoing: http.ClientRequest;
  readonly #host: string;
  readonly #timeouts: Timeouts;
  #phase: Phase = "connect";
  #reused = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #wake: (() => void) | undefined;

  constructor(outgoing: http.ClientRequest, host: string, timeouts: Timeouts) {
    this.#outgoing = outgoing;
    this.#host = host;
    this.#timeouts = timeouts;
    this.answered = new Promise((resolve, reject) => {
      outgoing.once("response", (message) => {
        this.#end();
        resolve(message);
      });
      const fail = (error: unknown) => {
        this.#end();
        reject(faultOf(error, { phase: this.#phase, host, reused: this.#reused }));
      };
      // Stays for good: errors after the response reach its body as well, and must not end the process here.
      outgoing.on("error", fail);
      outgoing.once("close", () => {
        if (!this.over) fail(Object.assign(new Error("the connection was closed"), { code: "ECONNRESET" }));
      });
    });
    this.answered.catch(() => {});
  }

  /** Starts the connect timer; it ends with the connection, TLS included if `secure`. */
  connecting(secure: boolean): void {
    this.#arm(this.#timeouts.connect);
    this.#outgoing.once("socket", (socket) => {
      const connected = () => {
        this.remoteAddress = socket.remoteAddress;
        this.#disarm();
        this.#phase = "send";
        if (this.sent) this.#awaitAnswer();
      };
      this.#reused = this.#outgoing.reusedSocket;
      // Deno 2.9 would itself repeat a request that meets a closed idle connection, but sends the new one without its
      // body and waits for ever; it leaves alone what does not claim to reuse a connection.
      this.#outgoing.reusedSocket = false;
      if (this.#reused || (!socket.connecting && !secure)) connected();
      else socket.once(secure ? "secureConnect" : "connect", connected);
    });
  }

  /** Waits until `hand` reports that its chunk was handed over, for no longer than the stall timeout. */
  during(hand: (done: () => void) => void): Promise<void> {
    if (this.over) return Promise.resolve();
    return new Promise((resolve) => {
      // The connect timer is still running while the first chunk waits for a connection.
      if (this.#phase === "send") this.#arm(this.#timeouts.stall);
      this.#wake = resolve;
      hand(() => {
        if (this.#phase === "send") this.#disarm();
        resolve();
      });
    });
  }

  /** Notes that the whole request was handed over, which starts the timer of the response. */
  bodySent(): void {
    this.sent = true;
    // A request without a body is sent, as far as we can tell, before there is a connection.
    if (this.#phase === "send" && !this.over) this.#awaitAnswer();
  }

  /** Ends all timers. */
  stop(): void {
    this.#disarm();
  }

  #awaitAnswer(): void {
    this.#phase = "answer";
    this.#arm(this.#timeouts.answer);
  }

  #end(): void {
    this.over = true;
    this.#disarm();
    this.#wake?.();
  }

  #arm(ms: number): void {
    this.#disarm();
    const phase = this.#phase;
    this.#timer = setTimeout(() => {
      const seconds = Math.round(ms / 100) / 10;
      const what = phase === "connect" ? "no connection" : phase === "answer" ? "no answer" : "the transfer stalled";
      const message = phase === "send" ? what : `${what} within ${seconds} s`;
      this.#outgoing.destroy(new TransportFault(message, { phase, host: this.#host, code: "KILN_TIMEOUT" }));
    }, ms);
  }

  #disarm(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}

function isHangUp(code: string): boolean {
  return code === "ECONNRESET" || code === "EPIPE";
}
