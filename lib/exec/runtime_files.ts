/**
 * /etc/resolv.conf and /etc/hosts of a command: the builder's own, as copies that are mounted and never reach a layer.
 *
 * @module
 */

const RESOLVER = "/etc/resolv.conf";
const HOSTS = "/etc/hosts";
const SYSTEMD_STUB = "127.0.0.53";
const SYSTEMD_UPSTREAM = "/run/systemd/resolve/resolv.conf";

/** Reads a file of the host; undefined if it is not there. */
export type HostFileReader = (path: string) => string | undefined;

/** Reads the files that `resolverConfiguration` and `hostsFile` ask for, and returns a reader of what they hold now. */
export function rememberHostFiles(): HostFileReader {
  const texts = new Map([RESOLVER, SYSTEMD_UPSTREAM, HOSTS].map((path) => [path, readHostFile(path)]));
  return (path) => texts.get(path);
}

function readHostFile(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return undefined; // a builder in an empty image has none
  }
}

/**
 * Returns the resolver configuration for commands. A configuration that only names systemd's stub resolver is replaced
 * by the list behind it, which also works from another network namespace.
 */
export function resolverConfiguration(read: HostFileReader): string {
  const text = read(RESOLVER) ?? "";
  const servers = [...text.matchAll(/^\s*nameserver\s+(\S+)/gm)].map(([, address]) => address);
  if (servers.length === 0 || servers.some((address) => address !== SYSTEMD_STUB)) return text;
  return read(SYSTEMD_UPSTREAM) ?? text;
}

/** Returns the hosts file for commands: the builder's, with `localhost` and the command's host name in any case. */
export function hostsFile(read: HostFileReader, hostname: string): string {
  const text = read(HOSTS) ?? "";
  const named = new Set([...text.matchAll(/^[^#\n]*/gm)].flatMap(([line]) => line.trim().split(/\s+/).slice(1)));
  const missing = [
    ...(named.has("localhost") ? [] : ["127.0.0.1\tlocalhost", "::1\tlocalhost ip6-localhost ip6-loopback"]),
    ...(named.has(hostname) ? [] : [`127.0.0.1\t${hostname}`]),
  ];
  const own = text === "" || text.endsWith("\n") ? text : `${text}\n`;
  return own + missing.map((line) => `${line}\n`).join("");
}
