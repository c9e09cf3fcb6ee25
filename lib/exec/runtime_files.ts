/**
 * /etc/resolv.conf and /etc/hosts of a command: the builder's own, as copies that are mounted and never reach a layer.
 *
 * @module
 */

const SYSTEMD_STUB = "127.0.0.53";
const SYSTEMD_UPSTREAM = "/run/systemd/resolve/resolv.conf";

/** Reads a file of the host; undefined if it is not there. */
export type HostFileReader = (path: string) => string | undefined;

/**
 * Returns the resolver configuration for commands. A configuration that only names systemd's stub resolver is replaced
 * by the list behind it, which also works from another network namespace.
 */
export function resolverConfiguration(read: HostFileReader): string {
  const text = read("/etc/resolv.conf") ?? "";
  const servers = [...text.matchAll(/^\s*nameserver\s+(\S+)/gm)].map(([, address]) => address);
  if (servers.length === 0 || servers.some((address) => address !== SYSTEMD_STUB)) return text;
  return read(SYSTEMD_UPSTREAM) ?? text;
}

/** Returns the hosts file for commands: the builder's, with `localhost` and the command's host name in any case. */
export function hostsFile(read: HostFileReader, hostname: string): string {
  const text = read("/etc/hosts") ?? "";
  const named = new Set([...text.matchAll(/^[^#\n]*/gm)].flatMap(([line]) => line.trim().split(/\s+/).slice(1)));
  const missing = [
    ...(named.has("localhost") ? [] : ["127.0.0.1\tlocalhost", "::1\tlocalhost ip6-localhost ip6-loopback"]),
    ...(named.has(hostname) ? [] : [`127.0.0.1\t${hostname}`]),
  ];
  const own = text === "" || text.endsWith("\n") ? text : `${text}\n`;
  return own + missing.map((line) => `${line}\n`).join("");
}
