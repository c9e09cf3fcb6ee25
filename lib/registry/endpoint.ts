/**
 * Where the API of a registry is: https, or http where that is allowed.
 *
 * Plain http is for hosts the user named for it and for loopback. A host that was named is asked by https first and by
 * http if that fails (kaniko.md 8.2). Loopback is asked by http first, named or not, as registries there seldom have
 * certificates and a TLS handshake for nothing costs 30 ms; and by https if what answers turns out to speak TLS: a TLS
 * server either answers plain http with an error in words (Go, nginx), or with a TLS alert, or by hanging up. Nothing
 * else is ever asked by http: the downgrade would be an attacker's wish. `localhost.example.com` is not loopback.
 *
 * @module
 */
import { localityOf } from "../http/address.ts";
import type { HttpResponse } from "../http/response.ts";
import { DOCUMENT_CAP_BYTES } from "./status_fault.ts";
import type { Transport } from "../http/transport.ts";
import { TransportFault } from "../http/transport_fault.ts";

/** A host named for http may have nothing behind the https port, not even a refusal. */
const PROBE_CONNECT_TIMEOUT_MS = 5_000;

/** Returns the base URLs of a registry (as in references), in the order in which they are to be tried. */
export function candidatesFor(registry: string, { insecure }: { readonly insecure: boolean }): readonly URL[] {
  const host = registry === "docker.io" ? "registry-1.docker.io" : registry;
  const secure = new URL(`https://${host}/`);
  const plain = new URL(`http://${host}/`);
  if (isLoopback(secure.hostname)) return [plain, secure];
  return insecure ? [secure, plain] : [secure];
}

/**
 * Returns the first candidate that answers, after asking each for `/v2/`; `onAnswer` sees the answer.
 *
 * @throws {TransportFault} what is wrong with the one that came closest, if none answers.
 */
export async function findEndpoint(
  candidates: readonly URL[],
  { transport, signal, onAnswer }: {
    readonly transport: Transport;
    readonly signal: AbortSignal;
    readonly onAnswer: (response: HttpResponse) => void;
  },
): Promise<URL> {
  const faults: TransportFault[] = [];
  for (const base of candidates) {
    try {
      const response = await transport.request({
        method: "GET",
        url: new URL("v2/", base),
        reach: "any",
        connectTimeoutMs: PROBE_CONNECT_TIMEOUT_MS,
        signal,
      });
      const said = new TextDecoder().decode((await response.document(DOCUMENT_CAP_BYTES)).bytes);
      if (base.protocol === "http:" && response.status === 400 && isTlsServer(said)) continue;
      onAnswer(response);
      return base;
    } catch (error) {
      if (!(error instanceof TransportFault)) throw error;
      faults.push(error);
    }
  }
  throw closest(faults);
}

/** Go's net/http says "Client sent an HTTP request to an HTTPS server", nginx "The plain HTTP request was sent to HTTPS port". */
function isTlsServer(text: string): boolean {
  return text.includes("HTTP request to an HTTPS server") || text.includes("HTTP request was sent to HTTPS port");
}

/** A certificate that is not accepted says more than that the other way did not work either. */
function closest(faults: readonly TransportFault[]): TransportFault {
  const certificate = faults.find(({ phase, code }) => phase === "tls" && !code.startsWith("ERR_SSL"));
  const fault = certificate ?? faults.find(({ code }) => code !== "ECONNREFUSED") ?? faults[0];
  if (fault === undefined) throw new Error("Unreachable: a server that wants TLS is asked for it as well");
  return fault;
}

function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || localityOf(hostname) === "loopback";
}
