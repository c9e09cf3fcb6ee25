/**
 * Which proxy, if any, a request goes through: `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`, in both cases of the names.
 *
 * The rules are those of Go's golang.org/x/net/http/httpproxy, which kaniko and Docker follow: upper case is asked
 * first; loopback targets are never proxied; `NO_PROXY` is a comma-separated list of `*`, IP addresses, CIDR blocks
 * and domains, each of the last three also with a port where that makes sense. `example.com` covers its subdomains,
 * `.example.com` and `*.example.com` only those.
 *
 * @module
 */
import { BlockList, isIP } from "node:net";
import { KilnError } from "../errors.ts";
import { localityOfHost } from "./address.ts";

/** Looks up an environment variable. */
export type Environment = (name: string) => string | undefined;

/**
 * Returns the proxy for a target, or undefined for a direct connection.
 *
 * @throws {KilnError} kind `usage`, if the proxy's URL cannot be used; it is not shown, as it may hold a password.
 */
export function proxyFor(target: URL, environment: Environment): URL | undefined {
  const variable = target.protocol === "https:" ? "HTTPS_PROXY" : "HTTP_PROXY";
  const value = either(environment, variable);
  if (value === undefined || localityOfHost(target.hostname) === "loopback") return undefined;
  if (isExempt(target, either(environment, "NO_PROXY") ?? "")) return undefined;
  const proxy = parseUrl(value.includes("://") ? value : `http://${value}`);
  if (proxy !== undefined && (proxy.protocol === "http:" || proxy.protocol === "https:")) return proxy;
  throw new KilnError("usage", `Cannot use the proxy in ${variable}: it is not an http:// or https:// URL`);
}

/** Tells whether a `NO_PROXY` list exempts a target from being proxied. */
export function isExempt(target: URL, list: string): boolean {
  const host = plainHost(target.hostname);
  const port = target.port || (target.protocol === "https:" ? "443" : "80");
  return list.toLowerCase().split(",").some((entry) => matches(entry.trim(), host, port));
}

function matches(entry: string, host: string, port: string): boolean {
  if (entry === "") return false;
  if (entry === "*") return true;
  if (entry.includes("/")) return isInBlock(entry, host);
  const { name, port: wanted } = splitPort(entry);
  if (wanted !== undefined && wanted !== port) return false;
  if (isIP(name) !== 0) return isIP(host) !== 0 && isInBlock(`${name}/${isIP(name) === 4 ? 32 : 128}`, host);
  const domain = name.startsWith("*.") ? name.slice(1) : name;
  if (domain.startsWith(".")) return host.endsWith(domain);
  return host === domain || host.endsWith(`.${domain}`);
}

function isInBlock(block: string, host: string): boolean {
  const slash = block.indexOf("/");
  const [network, bits] = [plainHost(block.slice(0, slash)), block.slice(slash + 1)];
  const family = isIP(network);
  const length = Number(bits);
  if (family === 0 || isIP(host) === 0 || !/^[0-9]{1,3}$/.test(bits) || length > (family === 4 ? 32 : 128)) {
    return false;
  }
  const list = new BlockList();
  list.addSubnet(network, length, family === 4 ? "ipv4" : "ipv6");
  return list.check(host, isIP(host) === 4 ? "ipv4" : "ipv6");
}

/** Splits `host:port`, `[v6]:port` and a bare IPv6 address. */
function splitPort(entry: string): { readonly name: string; readonly port: string | undefined } {
  if (isIP(entry) !== 0) return { name: entry, port: undefined };
  const colon = entry.lastIndexOf(":");
  if (colon < 0 || entry.endsWith("]")) return { name: plainHost(entry), port: undefined };
  return { name: plainHost(entry.slice(0, colon)), port: entry.slice(colon + 1) };
}

/** Lower case, without the brackets of IPv6 and the dot at the end of a rooted name. */
function plainHost(host: string): string {
  const bare = host.startsWith("[") && host.endsWith("]") ? host.slice(1, -1) : host;
  return bare.toLowerCase().replace(/\.$/, "");
}

function either(environment: Environment, name: string): string | undefined {
  return environment(name) || environment(name.toLowerCase()) || undefined;
}

function parseUrl(text: string): URL | undefined {
  try {
    return new URL(text);
  } catch {
    return undefined;
  }
}
