/**
 * One registry host: where it is, how it lets us in, how hard it may be pressed.
 *
 * Requests go through here: they are authorized, followed through redirects by hand, tried again where that is of use.
 * What is sent to whom is decided by `trust.ts`.
 *
 * @module
 */
import type { Clock } from "../async/clock.ts";
import { linger } from "../async/linger.ts";
import { Backoff, describePause, type Pause, retry } from "../async/retry.ts";
import { Semaphore } from "../async/semaphore.ts";
import { SingleFlight } from "../async/single_flight.ts";
import { KilnError } from "../errors.ts";
import type { Report } from "../report/report.ts";
import { type Access, Authenticator, type Authorization } from "./authenticator.ts";
import { parseChallenges } from "./challenge.ts";
import type { CredentialSource } from "./credentials/credential.ts";
import { candidatesFor, findEndpoint } from "./endpoint.ts";
import { describeFault, explain } from "./errors.ts";
import { printable } from "./printable.ts";
import type { Reach } from "../http/reach.ts";
import type { HttpResponse } from "../http/response.ts";
import { isTemporaryStatus, StatusFault } from "./status_fault.ts";
import type { RequestBody, Transport } from "../http/transport.ts";
import { TransportFault } from "../http/transport_fault.ts";
import { type Hop, judge } from "./trust.ts";

/** What all hosts of a client share. */
export interface HostOptions {
  readonly transport: Transport;
  readonly credentials: CredentialSource;
  readonly trustedRealms: readonly string[];
  readonly report: Report;
  /** Tries after the first. */
  readonly retries: number;
  readonly clock: Clock;
  readonly random: () => number;
}

/** One request to the API. */
export interface HostRequest {
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Below `/v2/`, or a URL the registry gave us. */
  readonly target: string | URL;
  readonly access: Access;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: RequestBody;
  readonly answerTimeoutMs?: number;
  /** How long the answer is still waited for once the signal is aborted: it tells what has to be undone. */
  readonly lingerMs?: number;
  /** The body is a document of at most this size: it is read within the try, so that a break is tried again. */
  readonly documentCapBytes?: number;
  readonly signal: AbortSignal;
}

/** A response and what it was got with. */
export interface HostResponse {
  readonly response: HttpResponse;
  readonly authorization: Authorization | undefined;
}

/** Blobs sent to, and blobs fetched from, one host at a time. Apart, so that a push that reads from a pull cannot wait for itself. */
const BLOBS_AT_A_TIME = 4;
const MAX_REDIRECTS = 5;
const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];

/** Talks to one registry. */
export class RegistryHost {
  /** As in references. */
  readonly registry: string;
  readonly uploads = new Semaphore(BLOBS_AT_A_TIME);
  readonly downloads = new Semaphore(BLOBS_AT_A_TIME);
  /** Size of the chunks uploads must come in, once the host has refused a whole blob. */
  uploadChunkBytes: number | undefined;
  /** Blobs, as `repository@digest`, that the host said it had and then missed: it is not asked about them again. */
  readonly misreported = new Set<string>();
  /** Large bodies that were cut off before anything of them arrived. */
  uploadsCutOff = 0;
  readonly #options: HostOptions;
  readonly #candidates: readonly URL[];
  readonly #probe = new SingleFlight<"probe", URL>();
  readonly #authenticator: Authenticator;
  /** Hosts that redirects lead to; they are only ever asked anonymously. */
  readonly #strangers = new Map<string, Authenticator>();
  #base: URL | undefined;
  #address: string | undefined;

  constructor(registry: string, { insecure, ...options }: HostOptions & { readonly insecure: boolean }) {
    this.registry = registry;
    this.#options = options;
    this.#candidates = candidatesFor(registry, { insecure });
    this.#authenticator = this.#createAuthenticator(options.credentials);
  }

  /**
   * Sends a request and tries again after what is temporary. The response has any other status.
   *
   * @throws {KilnError} that says that `action` was not possible.
   */
  async request(request: HostRequest, action: string): Promise<HostResponse> {
    const backoff = this.backoff(action, request.signal);
    try {
      return await retry(async () => {
        const answer = await this.send(request);
        const { status } = answer.response;
        if (isTemporaryStatus(status)) throw await this.fault(answer);
        if (request.documentCapBytes !== undefined && status === 200) {
          await answer.response.document(request.documentCapBytes);
        }
        return answer;
      }, backoff);
    } catch (error) {
      throw this.explain(error, action, backoff.tries);
    }
  }

  /** Sends a request once, twice if it has to be authorized anew. GET and HEAD are followed through redirects. */
  async send(request: HostRequest): Promise<HostResponse> {
    const { access, signal } = request;
    const base = await this.#endpoint(signal);
    const url = typeof request.target === "string" ? new URL(`v2/${request.target}`, base) : request.target;
    const hop = this.#hop(url, "upload");
    const own = url.origin === base.origin;
    let authorization = own ? await this.#authenticator.authorize(access, signal) : undefined;
    let response = await this.#exchange(request, { url, authorization, reach: this.#reachOf(hop) });
    if (own) this.#address = response.remoteAddress ?? this.#address;
    if (own && response.status === 401) {
      this.#authenticator.learn(response);
      // Read now: the document must be there if this answer stays, and the connection free if it does not.
      await response.discard();
      const renewed = await this.#authenticator.renew(access, authorization, signal);
      if (renewed !== undefined) {
        authorization = renewed;
        response = await this.#exchange(request, { url, authorization, reach: "any" });
      }
    }
    const followed = request.method === "GET" || request.method === "HEAD";
    return followed ? await this.#follow(request, { response, authorization }) : { response, authorization };
  }

  /** Reads what the registry has to say about an answer that is an error. */
  fault({ response, authorization }: HostResponse): Promise<StatusFault> {
    return StatusFault.read(response, {
      nowMs: this.#options.clock.now(),
      credentials: authorization?.header === undefined ? undefined : authorization.credentials,
      withheld: authorization?.withheld,
    });
  }

  /** Makes the error that ends an undertaking. */
  explain(error: unknown, action: string, tries = 1): unknown {
    return explain(error, { action, registry: this.registry, tries });
  }

  /** Returns the pauses between the tries of one undertaking. */
  backoff(action: string, signal: AbortSignal): Backoff {
    const { retries, clock, random } = this.#options;
    return new Backoff({
      retries,
      baseMs: 500,
      capMs: 15_000,
      askedCapMs: 120_000,
      clock,
      random,
      signal,
      temporary: (error) => {
        if (error instanceof TransportFault && error.temporary) return {};
        if (!(error instanceof StatusFault) || !error.temporary) return undefined;
        return error.retryAfterMs === undefined ? {} : { afterMs: error.retryAfterMs };
      },
      onPause: (pause) => this.#tell(action, pause),
    });
  }

  /**
   * Resolves the Location of an answer against the URL that gave it.
   *
   * @throws {KilnError} if there is none, or none we may go to.
   */
  location({ response }: HostResponse, purpose: Hop["purpose"], action: string): URL {
    const text = response.header("location");
    if (text === undefined) throw this.#malformed(action, "without saying where to go on");
    let url: URL;
    try {
      url = new URL(text, response.url);
    } catch {
      throw this.#malformed(action, `with a Location that is not a URL: ${printable(text)}`);
    }
    const verdict = judge(this.#hop(url, purpose));
    if (verdict.kind === "allowed") return url;
    const why = `Cannot ${action}: the registry sends us to "${printable(url.host)}", but ${verdict.why}`;
    const misled = url.protocol === "http:" && url.hostname === response.url.hostname;
    const hint = "the proxy in front of the registry does not tell it (X-Forwarded-Proto) that it is reached by https";
    throw new KilnError("denied", why, misled ? { hint } : {});
  }

  #malformed(action: string, how: string): KilnError {
    return new KilnError("registry", `Cannot ${action}: "${this.registry}" answered ${how}`);
  }

  async #endpoint(signal: AbortSignal): Promise<URL> {
    const [only, another] = this.#candidates;
    if (only !== undefined && another === undefined) this.#base = only;
    this.#base ??= await this.#probe.run("probe", signal, (signal) =>
      findEndpoint(this.#candidates, {
        transport: this.#options.transport,
        signal,
        onAnswer: (response) => {
          this.#address = response.remoteAddress;
          if (response.status === 401) this.#authenticator.learn(response);
        },
      }));
    return this.#base;
  }

  async #exchange(
    { method, headers, body, answerTimeoutMs, lingerMs, signal }: HostRequest,
    { url, authorization, reach }: { url: URL; authorization: Authorization | undefined; reach: Reach },
  ): Promise<HttpResponse> {
    signal.throwIfAborted();
    using lingering = lingerMs === undefined ? undefined : linger(signal, lingerMs);
    return await this.#options.transport.request({
      method,
      url,
      reach,
      signal: lingering?.signal ?? signal,
      headers: { ...headers, ...(authorization?.header === undefined ? {} : { authorization: authorization.header }) },
      ...(body === undefined ? {} : { body }),
      ...(answerTimeoutMs === undefined ? {} : { answerTimeoutMs }),
    });
  }

  /** Follows redirects, without credentials as soon as they leave the registry. */
  async #follow(request: HostRequest, from: HostResponse): Promise<HostResponse> {
    let { response } = from;
    const { authorization } = from;
    const action = `follow a redirect of "${this.registry}"`;
    for (let hops = 0; REDIRECTS.includes(response.status); hops++) {
      if (hops === MAX_REDIRECTS) throw this.#malformed(action, `with more than ${MAX_REDIRECTS} of them`);
      const url = this.location({ response, authorization }, "download", action);
      const hop = this.#hop(url, "download");
      await response.discard();
      const own = url.origin === this.#base?.origin;
      const route = { url, authorization: own ? authorization : undefined, reach: this.#reachOf(hop) };
      response = await this.#exchange(request, route);
      if (response.status === 401 && !own) response = await this.#askStranger(request, response, route);
    }
    return { response, authorization: response.url.origin === this.#base?.origin ? authorization : undefined };
  }

  /** Lets the host a redirect led to give us an anonymous token; ours are none of its business (S52). */
  async #askStranger(
    request: HostRequest,
    refusal: HttpResponse,
    route: { readonly url: URL; readonly reach: Reach },
  ): Promise<HttpResponse> {
    const scope = parseChallenges(refusal.headers("www-authenticate"))
      .find(({ scheme }) => scheme === "bearer")?.parameters.get("scope");
    await refusal.discard();
    if (scope === undefined) return refusal;
    const authenticator = this.#strangers.get(route.url.origin) ?? this.#createAuthenticator(NO_CREDENTIALS);
    this.#strangers.set(route.url.origin, authenticator);
    authenticator.learn(refusal);
    const access: Access = { ...request.access, scope };
    const authorization = await authenticator.authorize(access, request.signal);
    return authorization?.header === undefined ? refusal : await this.#exchange(request, { ...route, authorization });
  }

  #createAuthenticator(credentials: CredentialSource): Authenticator {
    const { transport, clock, trustedRealms } = this.#options;
    return new Authenticator({ registry: this.registry, transport, credentials, clock, trustedRealms });
  }

  #hop(target: URL, purpose: Hop["purpose"]): Hop {
    const [first] = this.#candidates;
    const registry = this.#base ?? first;
    if (registry === undefined) throw new Error("Unreachable: every registry has a candidate");
    return { purpose, registry, registryAddress: this.#address, target, trustedRealms: [] };
  }

  #reachOf(hop: Hop): Reach {
    const verdict = judge(hop);
    // What `location` lets through is allowed here as well; the narrowest reach is for what should not get here.
    return verdict.kind === "allowed" ? verdict.reach : "public";
  }

  #tell(action: string, pause: Pause): void {
    const { error } = pause;
    const limited = error instanceof StatusFault && error.status === 429;
    if (limited) {
      for (const slots of [this.uploads, this.downloads]) slots.limit = Math.max(1, Math.floor(slots.limit / 2));
    }
    this.#options.report.message("warn", describePause(pause, action, describeFault(error)));
  }
}

const NO_CREDENTIALS: CredentialSource = { name: "none", find: () => Promise.resolve(undefined) };
