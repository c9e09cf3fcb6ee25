/**
 * What users are told when a git server cannot be used, and which faults are worth another try.
 *
 * @module
 */
import { KilnError } from "../errors.ts";
import { TransportFault } from "../http/transport_fault.ts";
import { CutOff, ServerRefusal } from "./packet.ts";
import { printable } from "./printable.ts";

/** What is known of an HTTP answer that is an error. */
export interface RefusalFacts {
  readonly status: number;
  readonly statusText: string;
  readonly host: string;
  /** What the server says about it; text from outside. */
  readonly words: string;
  readonly withCredentials: boolean;
}

/** An HTTP answer that is an error. */
export class HttpRefusal extends Error {
  override readonly name = "HttpRefusal";
  readonly facts: RefusalFacts;

  constructor(facts: RefusalFacts) {
    super(`${facts.status} ${facts.statusText}`);
    this.facts = facts;
  }
}

/** Answers after which the same request may well succeed. */
const TEMPORARY: readonly number[] = [408, 429, 500, 502, 503, 504];

/** Tells whether the same may succeed in a moment. */
export function isTemporary(error: unknown): boolean {
  if (error instanceof TransportFault) return error.temporary;
  if (error instanceof HttpRefusal) return TEMPORARY.includes(error.facts.status);
  return error instanceof CutOff;
}

/** Returns a fault in a few words. */
export function describeFault(error: unknown): string {
  if (error instanceof TransportFault) return describeTransport(error);
  if (error instanceof HttpRefusal) return describeRefusal(error.facts);
  if (error instanceof ServerRefusal) return `the server refuses: ${error.message}`;
  return error instanceof Error ? printable(error.message) : "unknown fault";
}

/** Puts a fault into words; `action` completes "Cannot ...". Anything else is returned as it is. */
export function explainFault(error: unknown, action: string): unknown {
  const options = { cause: error };
  if (error instanceof HttpRefusal) {
    const { status, withCredentials } = error.facts;
    const denied = status === 401 || status === 403;
    const hidden = status === 404 && !withCredentials;
    const hint = denied || hidden
      ? withCredentials
        ? { hint: "check GIT_TOKEN, or GIT_USERNAME and GIT_PASSWORD, and that they may read this repository" }
        : { hint: "a private repository needs GIT_TOKEN, or GIT_USERNAME and GIT_PASSWORD" }
      : {};
    const kind = denied ? "denied" : status === 404 || status === 410 ? "context" : "registry";
    return new KilnError(kind, `Cannot ${action}: ${describeFault(error)}`, { ...options, ...hint });
  }
  if (error instanceof TransportFault) {
    const hint = error.phase === "tls"
      ? { hint: "SSL_CERT_FILE names a PEM file of certificates to trust; --git insecure-skip-tls=true does without" }
      : {};
    return new KilnError("registry", `Cannot ${action}: ${describeFault(error)}`, { ...options, ...hint });
  }
  if (error instanceof CutOff || error instanceof ServerRefusal) {
    return new KilnError("registry", `Cannot ${action}: ${describeFault(error)}`, options);
  }
  return error;
}

function describeRefusal({ status, statusText, host, words, withCredentials }: RefusalFacts): string {
  const answer = `${status}${statusText === "" ? "" : ` ${printable(statusText)}`}`;
  const said = words === "" ? "" : `: ${printable(words)}`;
  if (status === 401 || status === 403) {
    return withCredentials
      ? `"${host}" does not allow it with these credentials (${answer})${said}`
      : `"${host}" does not allow it without credentials (${answer})${said}`;
  }
  if (status === 404) return `"${host}" knows no such repository (${answer})${said}`;
  return `"${host}" answered ${answer}${said}`;
}

function describeTransport({ phase, code, host, message }: TransportFault): string {
  const quoted = `"${host}"`;
  if (phase === "proxy") return `the proxy ${quoted} cannot be used: ${printable(message)}`;
  if (phase === "tls") return `the certificate of ${quoted} is not accepted: ${printable(message)}`;
  switch (code) {
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return `the host name ${quoted} is not known (${code})`;
    case "ECONNREFUSED":
      return `${quoted} refuses the connection`;
    case "KILN_ADDRESS":
      return `we are sent to ${quoted}, but ${message}`;
    case "KILN_TIMEOUT":
      return `${message} from ${quoted}`;
    default:
      return phase === "connect"
        ? `${quoted} cannot be reached (${code})`
        : `the connection to ${quoted} broke (${code})`;
  }
}
