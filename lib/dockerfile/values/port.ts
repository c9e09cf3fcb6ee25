/**
 * The ports of EXPOSE: `port[-end][/protocol]`, also in the form `[ip:]host:container` that belongs to `docker run`:
 * it is accepted with a warning, and what stands in front of the container's port is checked and dropped.
 *
 * @module
 */
import { isIPv4, isIPv6 } from "node:net";
import { KilnError } from "../../errors.ts";

/** The parts of one word, not yet checked but for the protocol. */
export interface PortForm {
  readonly ip: string;
  /** Ports of the host. */
  readonly host: string;
  /** The container's port or range of ports. */
  readonly ports: string;
  /** As written; tcp where none is. */
  readonly protocol: string;
}

interface Range {
  readonly start: number;
  readonly end: number;
}

const MAX_PORT = 65_535;

/**
 * Splits one word of EXPOSE.
 *
 * @throws {KilnError} kind `dockerfile`, if the port is missing or the protocol is none.
 */
export function splitPort(word: string): PortForm {
  const { ip, host, container } = splitParts(word);
  const slash = container.indexOf("/");
  const ports = slash < 0 ? container : container.slice(0, slash);
  const typed = slash < 0 ? "" : container.slice(slash + 1);
  const protocol = typed || "tcp";
  if (ports === "") throw badPort(word, "the port is missing");
  if (!["tcp", "udp", "sctp"].includes(protocol.toLowerCase())) {
    throw badPort(word, `"${typed}" is not a protocol`, "protocols are tcp, udp and sctp");
  }
  return { ip, host, ports, protocol };
}

/**
 * Reads one word of EXPOSE: one key per port, such as `80/tcp`.
 *
 * @throws {KilnError} kind `dockerfile`, saying which part is wrong.
 */
export function parsePorts(word: string): readonly string[] {
  const { ip, host, ports, protocol } = splitPort(word);
  if (ip !== "" && !isIp(ip)) throw badPort(word, `"${ip}" is not an IP address`);
  const range = parseRange(ports, word);
  if (host !== "") checkHostRange(parseRange(host, word), range, word);
  const count = range.end - range.start + 1;
  return Array.from({ length: count }, (_, at) => `${range.start + at}/${protocol.toLowerCase()}`);
}

/** The last two parts are ports; all before them, colons included, is an address. */
function splitParts(word: string): { readonly ip: string; readonly host: string; readonly container: string } {
  const parts = word.split(":");
  const container = parts.pop() ?? "";
  const host = parts.pop() ?? "";
  return { ip: parts.join(":"), host, container };
}

function isIp(text: string): boolean {
  const bracketed = /^\[([^\][]*)\]$/.exec(text)?.[1] ?? text;
  // Zones such as fe80::1%eth0 are not addresses to Go's net.ParseIP.
  return isIPv4(bracketed) || (isIPv6(bracketed) && !bracketed.includes("%"));
}

function parseRange(text: string, word: string): Range {
  const dash = text.indexOf("-");
  const start = parsePort(dash < 0 ? text : text.slice(0, dash), word);
  const end = dash < 0 ? start : parsePort(text.slice(dash + 1), word);
  if (end < start) throw badPort(word, `the range "${text}" ends before it starts`);
  return { start, end };
}

function parsePort(text: string, word: string): number {
  // Go's strconv.ParseInt takes a sign.
  const port = /^\+?[0-9]+$/.test(text) ? Number(text) : NaN;
  if (port <= MAX_PORT) return port;
  throw badPort(word, text === "" ? "a port is missing" : `"${text}" is not a number from 0 to ${MAX_PORT}`);
}

/** A range of host ports may stand for one container port; two ranges must be of one length. */
function checkHostRange(host: Range, container: Range, word: string): void {
  const [many, same] = [container.end > container.start, host.end - host.start === container.end - container.start];
  if (many && !same) throw badPort(word, "the ranges of host and container ports differ in length");
}

function badPort(word: string, state: string, hint?: string): KilnError {
  return new KilnError("dockerfile", `Cannot expose "${word}": ${state}`, hint === undefined ? {} : { hint });
}
