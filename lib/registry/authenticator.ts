/**
 * Being let in by one registry: challenges remembered, tokens kept until shortly before they expire.
 *
 * Credentials are looked up only when the registry has asked for them, and anew for each token, so that secrets rotated
 * during a long build are seen (F13, F15).
 *
 * @module
 */
import type { Clock } from "../async/clock.ts";
import { SingleFlight } from "../async/single_flight.ts";
import type { Repository } from "../oci/reference.ts";
import { type Challenge, parseChallenges } from "./challenge.ts";
import type { CredentialSource, FoundCredential } from "./credentials/credential.ts";
import type { HttpResponse } from "../http/response.ts";
import { StatusFault } from "./status_fault.ts";
import { basicAuthorization, requestToken } from "./token.ts";
import type { Transport } from "../http/transport.ts";

/** What a request is going to do. */
export interface Access {
  readonly repository: string;
  readonly actions: "pull" | "push";
  /** Another repository a blob is to be mounted from. */
  readonly from?: string;
  /** The scope to ask for, where the names of the host are not ours. */
  readonly scope?: string;
}

/** What lets a request in. */
export interface Authorization {
  /** The value of the `Authorization` header; undefined if there is nothing to send. */
  readonly header: string | undefined;
  /** Where the credentials behind it come from; undefined for an anonymous token. */
  readonly credentials: string | undefined;
  /** Why credentials that were found were not used. */
  readonly withheld?: string;
}

/** What an authenticator works with. */
export interface AuthenticatorOptions {
  /** As in references. */
  readonly registry: string;
  readonly transport: Transport;
  readonly credentials: CredentialSource;
  readonly clock: Clock;
  readonly trustedRealms: readonly string[];
}

/** A token is replaced when less than this, or a fifth of its life, is left: it must not expire on the way. */
const MARGIN_MS = 30_000;

/** Keeps what is needed to be let in by one registry. Nothing is tried again here: whoever asks does that. */
export class Authenticator {
  readonly #options: AuthenticatorOptions;
  readonly #kept = new Map<string, Kept>();
  readonly #flights = new SingleFlight<string, Kept>();
  #demand: Demand | undefined;
  /** A token was had before. */
  #served = false;

  constructor(options: AuthenticatorOptions) {
    this.#options = options;
  }

  /** Returns what to send with a request; undefined as long as the registry has not asked for anything. */
  async authorize(access: Access, signal: AbortSignal): Promise<Authorization | undefined> {
    if (this.#demand === undefined) return undefined;
    const kept = this.#kept.get(keyOf(access));
    if (kept !== undefined && this.#options.clock.now() < kept.until) return kept.authorization;
    return (await this.#obtain(access, this.#demand, signal)).authorization;
  }

  /** Notes what a registry asks for, be it refused or just pinged. */
  learn(response: HttpResponse): void {
    const challenges = parseChallenges(response.headers("www-authenticate"));
    if (challenges.length > 0) this.#demand = { challenges, registry: response.url, address: response.remoteAddress };
  }

  /**
   * Returns what to send in place of what was refused; undefined if there is nothing else to try. To be called once
   * for a request, after `learn`.
   */
  async renew(
    access: Access,
    refused: Authorization | undefined,
    signal: AbortSignal,
  ): Promise<Authorization | undefined> {
    if (this.#demand === undefined) return undefined;
    const kept = this.#kept.get(keyOf(access));
    // Another request may have renewed it while this one was on its way.
    if (kept !== undefined && kept.authorization !== refused) return kept.authorization;
    this.#kept.delete(keyOf(access));
    const { authorization } = await this.#obtain(access, this.#demand, signal);
    return authorization.header === refused?.header ? undefined : authorization;
  }

  #obtain(access: Access, demand: Demand, signal: AbortSignal): Promise<Kept> {
    const key = keyOf(access);
    return this.#flights.run(key, signal, async (signal) => {
      const kept = await this.#ask(access, demand, signal);
      this.#kept.set(key, kept);
      return kept;
    });
  }

  async #ask(access: Access, demand: Demand, signal: AbortSignal): Promise<Kept> {
    const found = await this.#find(access, signal);
    const forever = (header: string | undefined): Kept => ({
      until: Infinity,
      authorization: { header, credentials: header === undefined ? undefined : found?.origin },
    });
    if (found?.credential.kind === "registry token") return forever(`Bearer ${found.credential.token}`);
    const bearer = demand.challenges.find((challenge) =>
      challenge.scheme === "bearer" && challenge.parameters.get("realm")
    );
    const basic = demand.challenges.some(({ scheme }) => scheme === "basic");
    const withBasic = basic && found?.credential.kind === "basic" ? basicAuthorization(found) : undefined;
    if (bearer === undefined) return forever(withBasic);
    const kept = await this.#token({ access, demand, bearer, found, signal });
    // The realm does not get our credentials, but the registry itself takes them.
    return kept.authorization.withheld !== undefined && withBasic !== undefined ? forever(withBasic) : kept;
  }

  #find({ repository }: Access, signal: AbortSignal): Promise<FoundCredential | undefined> {
    const target: Repository = { registry: this.#options.registry, repository };
    return this.#options.credentials.find(target, signal);
  }

  async #token({ access, demand, bearer, found, signal }: TokenQuestion): Promise<Kept> {
    const { transport, clock, trustedRealms } = this.#options;
    const ask = (found: FoundCredential | undefined) =>
      requestToken({
        registry: demand.registry,
        registryAddress: demand.address,
        realm: bearer.parameters.get("realm") ?? "",
        service: bearer.parameters.get("service") || undefined,
        scopes: scopesOf(access),
        found,
        trustedRealms,
        signal,
      }, { transport, nowMs: clock.now() });
    const start = clock.now();
    const { token, lifetimeMs, withheld } = await ask(found).catch(async (error) => {
      if (!(error instanceof StatusFault) || error.status !== 401 || found === undefined) throw error;
      // Secrets rotate, and helpers hand out short-lived ones: what was refused just now may be replaced already. The
      // same ones get a second chance only if they were good before.
      const again = await this.#find(access, signal);
      if (again === undefined || (isSame(again, found) && !this.#served)) throw error;
      return await ask(again);
    });
    this.#served = true;
    return {
      until: start + lifetimeMs - Math.min(MARGIN_MS, lifetimeMs / 5),
      authorization: {
        header: `Bearer ${token}`,
        credentials: withheld === undefined ? found?.origin : undefined,
        ...(withheld === undefined ? {} : { withheld }),
      },
    };
  }
}

/** What a registry asks for, and who it is that asks. */
interface Demand {
  readonly challenges: readonly Challenge[];
  readonly registry: URL;
  readonly address: string | undefined;
}

interface Kept {
  readonly authorization: Authorization;
  /** When it is to be replaced, in the clock's milliseconds. */
  readonly until: number;
}

interface TokenQuestion {
  readonly access: Access;
  readonly demand: Demand;
  readonly bearer: Challenge;
  readonly found: FoundCredential | undefined;
  readonly signal: AbortSignal;
}

function keyOf({ repository, actions, from = "", scope = "" }: Access): string {
  return `${repository} ${actions} ${from} ${scope}`;
}

/** The scope in a challenge is not looked at: it is what another request needed, or more than this one does. */
function scopesOf({ repository, actions, from, scope }: Access): readonly string[] {
  if (scope !== undefined) return scope.split(" ").filter((part) => part !== "");
  const own = `repository:${repository}:${actions === "push" ? "pull,push" : "pull"}`;
  return from === undefined ? [own] : [own, `repository:${from}:pull`];
}

function isSame(one: FoundCredential, other: FoundCredential | undefined): boolean {
  return JSON.stringify(one.credential) === JSON.stringify(other?.credential);
}
