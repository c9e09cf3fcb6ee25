/**
 * Whom a registry may send us to, and who gets our credentials.
 *
 * A registry names other machines in three places: the realm of a challenge (where tokens are to be had), the Location
 * of a redirect (where a blob is stored), the Location of an upload. Each is text from outside: it must not make us hand
 * credentials to somebody else (CVE-2026-48978, GHSA-vh4v-2xq2-g5cg, CVE-2026-50151), nor reach into our own network
 * (S51 to S55 of pains-and-security.md).
 *
 * @module
 */
import { localityOf, localityOfHost } from "../http/address.ts";
import { isWithin, type Reach } from "../http/reach.ts";

/** A step from a registry to a machine it named. */
export interface Hop {
  readonly purpose: "token" | "download" | "upload";
  /** Any URL of the registry's; only its origin counts. */
  readonly registry: URL;
  /** The address the registry answered from, when it is known. */
  readonly registryAddress: string | undefined;
  readonly target: URL;
  /** Realm hosts (with port, if any) that the user has approved. */
  readonly trustedRealms: readonly string[];
}

/** Whether to take the step, whether with credentials, and how near the target may be. */
export type Verdict =
  | { readonly kind: "refused"; readonly why: string }
  | { readonly kind: "allowed"; readonly credentials: boolean; readonly reach: Reach };

/**
 * Judges a step, in this order:
 *
 * 1. A URL with a user or password in it, or that is neither https nor http, is refused.
 * 2. The registry itself (same scheme, host and port) gets credentials.
 * 3. From https to http is refused.
 * 4. A realm on the registry's own host, whatever the port, gets credentials.
 * 5. Elsewhere the target must not be nearer to us than the registry is: only a registry at a private address may name
 *    private ones, only one on loopback loopback; link-local addresses nobody may. For a realm even those are refused
 *    when the URL spells the address out.
 * 6. A realm elsewhere gets credentials if the user approved it or it is plainly the registry's own (see
 *    {@link isRealmOf}); any other realm may be asked for an anonymous token.
 * 7. Storage elsewhere never gets credentials: its URLs are signed, or it needs none.
 */
export function judge(hop: Hop): Verdict {
  const { purpose, registry, target } = hop;
  if (target.username !== "" || target.password !== "") return refused("it has a user or password in it");
  if (target.protocol !== "https:" && target.protocol !== "http:") return refused("it is neither https nor http");
  if (target.origin === registry.origin) return { kind: "allowed", credentials: true, reach: "any" };
  if (registry.protocol === "https:" && target.protocol === "http:") return refused("it leads from https to http");
  const [own, other] = [plainHost(registry), plainHost(target)];
  if (purpose === "token" && own === other) return { kind: "allowed", credentials: true, reach: "any" };
  const reach = purpose === "token" && localityOfHost(other) !== undefined ? "public" : reachOf(hop);
  const locality = localityOfHost(other);
  if (locality !== undefined && !isWithin(reach, locality)) return refused("it is an address inside a network");
  const approved = hop.trustedRealms.some((host) => host.toLowerCase() === target.host);
  return { kind: "allowed", credentials: purpose === "token" && (approved || isRealmOf(own, other)), reach };
}

/** Nothing nearer than the registry itself. */
function reachOf({ registry, registryAddress }: Hop): Reach {
  const locality = localityOfHost(plainHost(registry)) ?? localityOf(registryAddress ?? "");
  return locality === "loopback" || locality === "private" ? locality : "public";
}

/**
 * Tells whether a host is plainly run by those who run the registry: it is the registry's parent domain (gitlab.com for
 * registry.gitlab.com), a name below the registry's own, a sibling under a domain of their own (auth.docker.io for
 * registry-1.docker.io), or in the table of those that use another domain.
 */
export function isRealmOf(registry: string, realm: string): boolean {
  if (localityOf(registry) !== undefined || localityOf(realm) !== undefined) return false;
  if (KNOWN_REALMS.some((known) => known.realm.test(realm) && isAtOrBelow(registry, known.registry))) return true;
  const parent = registry.slice(registry.indexOf(".") + 1);
  return [realm, registry, parent].some((domain) =>
    isOwnDomain(domain) && isAtOrBelow(registry, domain) && isAtOrBelow(realm, domain)
  );
}

/** Realms of registries that share no domain of their own with them. */
const KNOWN_REALMS: readonly { readonly registry: string; readonly realm: RegExp }[] = [
  { registry: "hub.docker.com", realm: /^auth\.docker\.io$/ },
  { registry: "scw.cloud", realm: /^api\.scaleway\.com$/ },
  { registry: "aliyuncs.com", realm: /^dockerauth[a-z-]*\.[a-z0-9-]+\.aliyuncs\.com$/ },
];

/**
 * Domains under which anybody can have a name: two names there say nothing about who runs them. The generic second
 * levels of countries (co.uk, com.au) are told by their form.
 */
// deno-fmt-ignore
const SHARED_DOMAINS: readonly string[] = [
  "amazonaws.com", "amazonaws.com.cn", "appspot.com", "azurecr.cn", "azurecr.de", "azurecr.io", "azurecr.us",
  "azure.com", "azurewebsites.net", "cloudapp.net", "cloudfront.net", "duckdns.org", "fly.dev", "github.dev",
  "github.io", "gitlab.io", "gitpod.io", "herokuapp.com", "jfrog.io", "netlify.app", "ngrok.app", "ngrok.dev",
  "ngrok.io", "nip.io", "ondigitalocean.app", "onrender.com", "pages.dev", "pkg.dev", "r2.dev", "run.app",
  "scw.cloud", "sslip.io", "trycloudflare.com", "ts.net", "vercel.app", "web.app", "windows.net", "workers.dev",
  "xip.io",
];

const GENERIC_SECOND_LEVEL = /^(?:ac|co|com|edu|gob|gov|govt|ltd|mil|ne|net|nom|or|org|plc|sch)\.[a-z]{2}$/;

/** Tells whether all names at or below a domain belong to one owner, as far as that can be known without asking. */
function isOwnDomain(domain: string): boolean {
  if (!domain.includes(".") || GENERIC_SECOND_LEVEL.test(domain)) return false;
  return !SHARED_DOMAINS.some((shared) => isAtOrBelow(domain, shared));
}

function isAtOrBelow(host: string, domain: string): boolean {
  return host === domain || host.endsWith(`.${domain}`);
}

function plainHost(url: URL): string {
  return url.hostname.toLowerCase().replace(/\.$/, "");
}

function refused(why: string): Verdict {
  return { kind: "refused", why };
}
