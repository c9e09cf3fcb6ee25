/**
 * What goes wrong below HTTP: names, connections, TLS, proxies, stalls.
 *
 * @module
 */

/** How far the exchange had come. */
export type Phase = "connect" | "tls" | "proxy" | "send" | "answer" | "body";

/** What is known about a fault. */
export interface FaultFacts {
  readonly phase: Phase;
  /** Host and port of the target, or of the proxy in phase `proxy`. */
  readonly host: string;
  /** The code of Node or OpenSSL (`ECONNREFUSED`, `CERT_HAS_EXPIRED`), or one of ours. */
  readonly code: string;
  /** Set if the connection was an idle one that the other side may have closed before it got the request. */
  readonly reused?: boolean;
  readonly cause?: unknown;
}

/**
 * Our own codes, beside those of Node: `KILN_TIMEOUT` (nothing happened for too long), `KILN_ADDRESS` (the address is
 * not one the target may have), `KILN_PROXY` (the proxy refused; the message says how), `KILN_LENGTH` (a body had not
 * the length announced), `KILN_SESSION` (the registry lost an upload session, or what was in it).
 */
export type OwnCode = "KILN_TIMEOUT" | "KILN_ADDRESS" | "KILN_PROXY" | "KILN_LENGTH" | "KILN_SESSION";

/** A fault of the transport. Never reaches users as it is: `errors.ts` puts it into words. */
export class TransportFault extends Error implements FaultFacts {
  override readonly name = "TransportFault";
  readonly phase: Phase;
  readonly host: string;
  readonly code: string;
  readonly reused: boolean;

  constructor(message: string, facts: FaultFacts) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.phase = facts.phase;
    this.host = facts.host;
    this.code = facts.code;
    this.reused = facts.reused ?? false;
  }

  /** Whether the same request may succeed in a moment. */
  get temporary(): boolean {
    if (
      this.code === "KILN_ADDRESS" || this.code === "KILN_PROXY" || this.code === "KILN_LENGTH" ||
      this.code.startsWith("HPE_")
    ) return false;
    return this.phase !== "tls" || this.code === "ECONNRESET" || this.code === "KILN_TIMEOUT";
  }
}

/** Makes a fault of an error of Node's; TLS errors are told by their code, as they come in any phase. */
export function faultOf(error: unknown, facts: Omit<FaultFacts, "code" | "cause">): TransportFault {
  if (error instanceof TransportFault) return error;
  const message = error instanceof Error ? error.message : String(error);
  const code = codeOf(error);
  const phase = facts.phase === "connect" && isTlsCode(code) ? "tls" : facts.phase;
  return new TransportFault(message, { ...facts, phase, code, cause: error });
}

function codeOf(error: unknown): string {
  return typeof error === "object" && error !== null && "code" in error && typeof error.code === "string"
    ? error.code
    : "UNKNOWN";
}

/** OpenSSL's X509 codes have no prefix of their own; these are the words they are made of. */
function isTlsCode(code: string): boolean {
  return /^ERR_(?:TLS|SSL)|CERT|SIGNED|ISSUER|SIGNATURE|CRL|INVALID_CA|PATH_LENGTH|INVALID_PURPOSE|HOSTNAME_MISMATCH|^EPROTO$/
    .test(code);
}
