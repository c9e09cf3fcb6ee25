/**
 * A Dockerfile behind a URL (`--dockerfile=https://...`).
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { KilnError } from "../errors.ts";
import type { Report } from "../report/report.ts";
import type { SourceParts } from "./context_source.ts";
import { downloadHttp } from "./http_download.ts";
import { openResource } from "./http_resource.ts";

/** Dockerfiles have some kilobytes. */
const MAX_BYTES = 16 * 1024 * 1024;

/** A Dockerfile that was fetched. */
export interface RemoteDockerfile {
  /** The URL, without credentials. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** Fetches a Dockerfile. @throws {KilnError} kind `dockerfile`, if it is not there or too large; others as a download's */
export async function fetchDockerfile(
  url: URL,
  { sources, report, signal }: {
    readonly sources: SourceParts;
    readonly report: Report;
    readonly signal: AbortSignal;
  },
): Promise<RemoteDockerfile> {
  using resource = await openResource(url, sources);
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const chunk of downloadHttp(resource, { ...sources, report, signal, maxBytes: Infinity })) {
      chunks.push(chunk);
      length += chunk.length;
      if (length > MAX_BYTES) {
        throw new KilnError("dockerfile", `Cannot fetch "${resource.shown}": it has more than ${MAX_BYTES} bytes`);
      }
    }
  } catch (error) {
    const missing = error instanceof KilnError && error.kind === "context";
    throw missing ? new KilnError("dockerfile", error.message, { cause: error }) : error;
  }
  return { name: resource.shown, bytes: Buffer.concat(chunks) };
}
