/**
 * Streaming a blob out of a registry.
 *
 * A connection that breaks is taken up where it broke, by Range. Nothing the server says about lengths is believed: the
 * stream ends normally only when the descriptor's size was received and the bytes have its digest (S59).
 *
 * @module
 */
import { createHash } from "node:crypto";
import { KilnError } from "../errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { digestOfHex } from "../oci/digest.ts";
import { formatRepository, type Repository } from "../oci/reference.ts";
import { printable } from "./printable.ts";
import type { HostResponse, RegistryHost } from "./registry_host.ts";
import { TransportFault } from "../http/transport_fault.ts";

/** A connection that brought this much before it broke does not count as a try. */
const PROGRESS_BYTES = 64 * 1024;

/** What to fetch. */
export interface Download {
  readonly repository: Repository;
  readonly blob: Descriptor;
  readonly signal: AbortSignal;
}

/** Streams a blob; at most four at a time from one host. */
export async function* downloadBlob(host: RegistryHost, download: Download): AsyncGenerator<Uint8Array> {
  const { repository, blob, signal } = download;
  const action = `fetch the blob ${blob.digest} of ${formatRepository(repository)}`;
  using _permit = await host.downloads.acquire(signal);
  const backoff = host.backoff(action, signal);
  const hash = createHash("sha256");
  let offset = 0;
  let counted = 0;
  do {
    try {
      for await (const chunk of readFrom(host, { ...download, offset, action })) {
        hash.update(chunk);
        offset += chunk.length;
        if (offset - counted >= PROGRESS_BYTES) {
          counted = offset;
          backoff.progress();
        }
        yield chunk;
      }
    } catch (error) {
      // All is here; that the connection did not end well is of no interest, the digest decides.
      if (offset === blob.size && error instanceof TransportFault) break;
      await backoff.pause(error).catch((error) => {
        throw host.explain(error, action, backoff.tries);
      });
    }
  } while (offset < blob.size);
  const digest = digestOfHex(hash.digest("hex"));
  if (digest !== blob.digest) throw untrue(action, `its content has the digest ${digest}`);
}

interface Reading extends Download {
  readonly offset: number;
  readonly action: string;
}

/** Streams from an offset to the end, over one connection. */
async function* readFrom(host: RegistryHost, reading: Reading): AsyncGenerator<Uint8Array> {
  const { repository, blob, signal, offset, action } = reading;
  const answer = await host.send({
    method: "GET",
    target: `${repository.repository}/blobs/${blob.digest}`,
    access: { repository: repository.repository, actions: "pull" },
    headers: offset === 0 ? {} : { range: `bytes=${offset}-` },
    signal,
  });
  const { response } = answer;
  try {
    const start = await startOf(host, answer, reading);
    const announced = response.contentLength;
    if (announced !== undefined && announced !== blob.size - start) {
      throw untrue(action, `${announced} bytes were announced in place of ${blob.size - start}`);
    }
    let at = start;
    for await (const chunk of response.body()) {
      const skip = Math.min(chunk.length, Math.max(0, offset - at));
      at += chunk.length;
      if (at > blob.size) throw untrue(action, `more than its ${blob.size} bytes were sent`);
      if (skip < chunk.length) yield chunk.subarray(skip);
    }
    if (at < blob.size) {
      throw new TransportFault("the body ended early", { phase: "body", host: response.url.host, code: "ECONNRESET" });
    }
  } finally {
    response[Symbol.dispose]();
  }
}

/** Returns the offset at which the body of an answer starts. */
async function startOf(host: RegistryHost, answer: HostResponse, { blob, offset, action }: Reading): Promise<number> {
  const { response } = answer;
  switch (response.status) {
    case 200:
      return 0; // Also in answer to a Range: not all storage knows it.
    case 206: {
      const range = response.header("content-range") ?? "";
      if (offset > 0 && isRest(range, offset, blob.size)) return offset;
      throw untrue(action, `a part was sent that was not asked for ("${printable(range)}")`);
    }
    case 416:
      throw untrue(action, `it has not its ${blob.size} bytes`);
    case 404: {
      const fault = await host.fault(answer);
      const words = fault.words === "" ? "" : `: ${fault.words}`;
      throw new KilnError("registry", `Cannot ${action}: "${fault.host}" does not have it (404)${words}`);
    }
    default:
      throw await host.fault(answer);
  }
}

/** Tells whether a Content-Range is the rest of the blob from an offset. */
function isRest(range: string, offset: number, size: number): boolean {
  const prefix = `bytes ${offset}-${size - 1}/`;
  const total = range.slice(prefix.length);
  return range.startsWith(prefix) && (total === "*" || total === String(size));
}

function untrue(action: string, why: string): KilnError {
  return new KilnError("integrity", `Cannot ${action}: ${why}`);
}
