/**
 * Transport faults in words, for errors about downloads from hosts that are no registries.
 *
 * @module
 */
import { escapeControls } from "../report/escape.ts";
import type { TransportFault } from "./transport_fault.ts";

/** Returns what was found, to stand behind a colon: `"example.com" refuses the connection`. */
export function describeTransportFault({ phase, code, host, message }: TransportFault): string {
  const quoted = `"${host}"`;
  if (phase === "proxy") return `the proxy ${quoted} cannot be used: ${escapeControls(message)}`;
  if (isPlainHttp(code)) return `${quoted} does not speak TLS`;
  if (phase === "tls") return `the certificate of ${quoted} is not accepted: ${escapeControls(message)}`;
  if (code.startsWith("HPE_")) return `${quoted} does not answer in HTTP as it should (${code})`;
  switch (code) {
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return `the host name ${quoted} is not known (${code})`;
    case "ECONNREFUSED":
      return `${quoted} refuses the connection`;
    case "KILN_ADDRESS":
      return `it leads to ${quoted}, but ${message}`;
    case "KILN_TIMEOUT":
      return `${message} from ${quoted}`;
    default:
      return phase === "connect"
        ? `${quoted} cannot be reached (${code})`
        : `the connection to ${quoted} broke (${code})`;
  }
}

/** Returns what the user can do about it. */
export function hintOfTransportFault({ phase, code, message }: TransportFault): string | undefined {
  if (phase === "proxy") {
    return message.includes("407")
      ? "put the proxy's user and password into its URL in HTTPS_PROXY or HTTP_PROXY"
      : "list hosts that need no proxy in NO_PROXY";
  }
  if (isPlainHttp(code)) return "if it is a plain http server, write its URL or endpoint with http://";
  if (code === "CERT_NOT_YET_VALID") return "set the clock of this machine";
  if (phase === "tls") return "a PEM file named by SSL_CERT_FILE holds the certificates that are trusted";
  return undefined;
}

/** OpenSSL's words for a server that answers a TLS handshake with something else. */
function isPlainHttp(code: string): boolean {
  return code === "ERR_SSL_WRONG_VERSION_NUMBER" || code === "ERR_SSL_PACKET_LENGTH_TOO_LONG" || code === "EPROTO";
}
