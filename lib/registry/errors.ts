/**
 * What users are told when a registry cannot be used.
 *
 * @module
 */
import { KilnError } from "../errors.ts";
import type { Digest } from "../oci/digest.ts";
import { printable } from "./printable.ts";
import { StatusFault } from "./status_fault.ts";
import { TransportFault } from "../http/transport_fault.ts";

/** What was being done when a fault came. */
export interface Undertaking {
  /** What completes "Cannot ...", with its object: `pull the manifest "latest" of reg.example/app`. */
  readonly action: string;
  /** The registry as the user calls it. */
  readonly registry: string;
  /** How often it was tried. */
  readonly tries: number;
}

/**
 * The registry refuses a manifest because it has not all of its blobs. A registry may have said of a blob that it is
 * there when it was not (a stale cache, a garbage collection meanwhile): whoever pushes may push them once more, and the
 * client will send them without asking the registry about them again (F10).
 */
export class BlobsUnknownError extends KilnError {
  /** The blobs the registry misses; if it does not say which, all blobs of the manifest. */
  readonly unknownBlobs: readonly Digest[];

  constructor(error: KilnError, unknownBlobs: readonly Digest[]) {
    super(error.kind, error.message, {
      cause: error.cause,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    });
    this.unknownBlobs = unknownBlobs;
  }
}

/** Puts a fault into words; anything else is returned as it is. */
export function explain(error: unknown, undertaking: Undertaking): unknown {
  if (error instanceof TransportFault) return explainTransport(error, undertaking);
  if (error instanceof StatusFault) return explainStatus(error, undertaking);
  return error;
}

/** Returns a fault in a few words, for a log line about another try. */
export function describeFault(error: unknown): string {
  if (error instanceof TransportFault) return describeTransport(error);
  if (error instanceof StatusFault) return describeStatus(error);
  return error instanceof Error ? printable(error.message) : "unknown fault";
}

function explainTransport(fault: TransportFault, { action, registry, tries }: Undertaking): KilnError {
  const hint = hintOfTransport(fault, registry);
  const kind = fault.code === "KILN_LENGTH" ? "integrity" : "registry";
  return new KilnError(kind, `Cannot ${action}: ${describeTransport(fault)}${afterTries(tries)}`, {
    cause: fault,
    ...(hint === undefined ? {} : { hint }),
  });
}

function describeTransport({ phase, code, host, message }: TransportFault): string {
  const quoted = `"${host}"`;
  if (phase === "proxy") return `the proxy ${quoted} cannot be used: ${printable(message)}`;
  if (isPlainHttp(code)) return `${quoted} does not speak TLS`;
  if (phase === "tls") return `the certificate of ${quoted} is not accepted: ${printable(message)}`;
  if (code.startsWith("HPE_")) return `${quoted} does not answer in HTTP as it should (${code})`;
  switch (code) {
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return `the host name ${quoted} is not known (${code})`;
    case "ECONNREFUSED":
      return `${quoted} refuses the connection`;
    case "KILN_ADDRESS":
      return `the registry sends us to ${quoted}, but ${message}`;
    case "KILN_TIMEOUT":
      return `${message} from ${quoted}`;
    case "KILN_LENGTH":
    case "KILN_SESSION":
      return message;
    default:
      return phase === "connect"
        ? `${quoted} cannot be reached (${code})`
        : `the connection to ${quoted} broke (${code})`;
  }
}

function hintOfTransport({ phase, code, message }: TransportFault, registry: string): string | undefined {
  if (phase === "proxy") {
    return message.includes("407")
      ? "put the proxy's user and password into its URL in HTTPS_PROXY or HTTP_PROXY"
      : "list hosts that need no proxy in NO_PROXY";
  }
  if (isPlainHttp(code)) return `if it is a plain http registry, use --insecure-registry=${registry}`;
  if (code === "CERT_NOT_YET_VALID") return "check the clock of this machine";
  if (phase === "tls") return "a PEM file named by SSL_CERT_FILE holds the certificates that are trusted";
  return undefined;
}

/** OpenSSL's words for a server that answers a TLS handshake with something else. */
function isPlainHttp(code: string): boolean {
  return code === "ERR_SSL_WRONG_VERSION_NUMBER" || code === "ERR_SSL_PACKET_LENGTH_TOO_LONG" || code === "EPROTO";
}

function explainStatus(fault: StatusFault, { action, registry, tries }: Undertaking): KilnError {
  const denied = fault.status === 401 || fault.status === 403;
  const hint = denied ? fault.withheld ?? hintOfDenial(fault, registry) : hintOfStatus(fault, registry);
  const message = `Cannot ${action}: ${describeStatus(fault)}${fault.temporary ? afterTries(tries) : ""}`;
  return new KilnError(denied ? "denied" : "registry", message, {
    cause: fault,
    ...(hint === undefined ? {} : { hint }),
  });
}

function describeStatus(fault: StatusFault): string {
  const { status, statusText, host, words, requestId, credentials } = fault;
  const answer = `${status}${statusText === "" ? "" : ` ${statusText}`}`;
  const said = `${words === "" ? "" : `: ${words}`}${requestId === undefined ? "" : ` (request ${requestId})`}`;
  if (status === 401 || status === 403) {
    return credentials === undefined
      ? `"${host}" does not allow it without credentials, and none were sent (${answer})${said}`
      : `"${host}" does not allow it with the credentials from ${credentials} (${answer})${said}`;
  }
  if (status === 429) return `"${host}" limits the rate of requests (${answer})${said}`;
  return `"${host}" answered ${answer}${said}`;
}

function hintOfDenial({ credentials }: StatusFault, registry: string): string {
  return credentials === undefined
    ? `add credentials for "${registry}" to config.json in $DOCKER_CONFIG or to DOCKER_AUTH_CONFIG`
    : "check that they are right and allow this, or that the name of the repository is";
}

function hintOfStatus({ status, credentials }: StatusFault, registry: string): string | undefined {
  if (status === 429 && registry === "docker.io" && credentials === undefined) {
    return "Docker Hub allows more pulls to those who log in";
  }
  return status >= 300 && status < 400 ? "use the address it redirects to as the registry's name" : undefined;
}

function afterTries(tries: number): string {
  return tries > 1 ? ` (tried ${tries} times)` : "";
}
