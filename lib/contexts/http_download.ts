/**
 * Streaming what is behind a URL, over as many connections as it takes.
 *
 * A connection that breaks is taken up where it broke. That what follows belongs to what came before is not believed but
 * asked for with `If-Range`, or, where the server has no strong validator or ignores ranges, seen: everything is sent
 * again and its beginning must have the checksum of what was there (S59, F04). That is a CRC, as it is for accidents: a
 * server that means harm may send what it likes in the first place, and SHA-256 took a third of the time.
 *
 * @module
 */
import { crc32 } from "node:zlib";
import { KilnError } from "../errors.ts";
import { parseHttpDate } from "../http/http_date.ts";
import type { HttpResponse } from "../http/response.ts";
import { TransportFault } from "../http/transport_fault.ts";
import type { Report } from "../report/report.ts";
import type { SourceParts } from "./context_source.ts";
import { AnswerFault, createBackoff, explainFault } from "./http_answer.ts";
import type { HttpResource } from "./http_resource.ts";
import { checkSize } from "./size_limit.ts";

/** A connection that brought this much before it broke does not count as a try. */
const PROGRESS_BYTES = 64 * 1024;

/** What downloading takes. */
export interface DownloadParts extends Pick<SourceParts, "clock" | "random"> {
  readonly maxBytes: number;
  readonly report: Report;
  readonly signal: AbortSignal;
  /** Told what the server says of the resource, each time it sends it from its beginning. */
  readonly onStart?: (start: DownloadStart) => void;
}

/** What a server says of a resource. */
export interface DownloadStart {
  /** Bytes there will be. */
  readonly bytes?: number;
  /** When it was last changed. */
  readonly modified?: Date;
}

/**
 * Streams a resource.
 *
 * @throws {KilnError} kind `integrity`, if it is replaced meanwhile; `context`, if it is not there or too large; `denied`;
 *   `registry`.
 */
export async function* downloadHttp(resource: HttpResource, parts: DownloadParts): AsyncGenerator<Uint8Array> {
  const undertaking = { action: `fetch "${resource.shown}"`, authorized: resource.authorized };
  const backoff = createBackoff(undertaking.action, parts);
  const download = new Download(resource, parts, undertaking.action);
  let counted = 0;
  while (!download.complete) {
    try {
      for await (const chunk of download.read()) {
        if (download.offset - counted >= PROGRESS_BYTES) {
          counted = download.offset;
          backoff.progress();
        }
        yield chunk;
      }
    } catch (error) {
      if (error instanceof KilnError) throw error;
      parts.signal.throwIfAborted();
      await backoff.pause(error).catch((final) => {
        parts.signal.throwIfAborted();
        throw explainFault(final, undertaking, backoff.tries);
      });
    }
  }
}

/** One download: what is known of the resource, and how much of it is there. */
class Download {
  offset = 0;
  complete = false;
  readonly #resource: HttpResource;
  readonly #parts: DownloadParts;
  readonly #action: string;
  #checksum = 0;
  /** Bytes in all, if the server said. */
  #size: number | undefined;
  /** What tells this content from any other, if there is something. */
  #validator: string | undefined;

  constructor(resource: HttpResource, parts: DownloadParts, action: string) {
    this.#resource = resource;
    this.#parts = parts;
    this.#action = action;
  }

  /** Streams what is missing, over one connection. */
  async *read(): AsyncGenerator<Uint8Array> {
    const resuming = this.offset > 0 && this.#validator !== undefined;
    const headers = resuming && this.#validator !== undefined
      ? { "range": `bytes=${this.offset}-`, "if-range": this.#validator }
      : {};
    using response = await this.#resource.get(headers, this.#parts.signal);
    const start = this.#startOf(response, resuming);
    if (start === undefined) {
      this.complete = true;
      return;
    }
    let skipped = 0;
    let at = start;
    for await (const chunk of response.body()) {
      const skip = Math.min(chunk.length, Math.max(0, this.offset - at));
      at += chunk.length;
      if (skip > 0) {
        skipped = crc32(chunk.subarray(0, skip), skipped);
        if (at >= this.offset && skipped !== this.#checksum) throw this.#changed();
      }
      if (skip === chunk.length) continue;
      const fresh = chunk.subarray(skip);
      this.#checksum = crc32(fresh, this.#checksum);
      this.offset += fresh.length;
      checkSize(this.offset, { maxBytes: this.#parts.maxBytes, what: `"${this.#resource.shown}"` });
      yield fresh;
    }
    if (at < (this.#size ?? at)) {
      throw new TransportFault("the body ended early", { phase: "body", host: response.url.host, code: "ECONNRESET" });
    }
    if (at < this.offset) throw this.#changed();
    this.complete = true;
  }

  /** Returns where the body of an answer starts; undefined if there is nothing left to come. */
  #startOf(response: HttpResponse, resuming: boolean): number | undefined {
    switch (response.status) {
      case 200:
        this.#begin(response);
        return 0;
      case 206:
        if (!resuming) throw this.#untrue("a part was sent that was not asked for");
        this.#continue(response);
        return this.offset;
      case 416:
        // All of it was there, and only the end of the transfer was lost.
        if (resuming && response.header("content-range")?.trim() === `bytes */${this.offset}`) return undefined;
        throw resuming ? this.#changed() : new AnswerFault(response, this.#parts.clock.now());
      default:
        throw new AnswerFault(response, this.#parts.clock.now());
    }
  }

  /** All of it comes once more, or for the first time: what counts is what this answer is. */
  #begin(response: HttpResponse): void {
    this.#size = response.contentLength;
    this.#validator = validatorOf(response);
    const modified = parseHttpDate(response.header("last-modified"));
    this.#parts.onStart?.({
      ...(this.#size === undefined ? {} : { bytes: this.#size }),
      ...(modified === undefined ? {} : { modified }),
    });
    if (this.#size === undefined) return;
    checkSize(this.#size, { maxBytes: this.#parts.maxBytes, what: `"${this.#resource.shown}"` });
  }

  /** A server may send less than was asked for; the next request asks for the rest. */
  #continue(response: HttpResponse): void {
    const range = /^bytes ([0-9]{1,15})-([0-9]{1,15})\/([0-9]{1,15}|\*)$/.exec(response.header("content-range") ?? "");
    if (range === null) throw this.#untrue("a part was sent without saying which");
    const [start, end, size] = [Number(range[1]), Number(range[2]), range[3] === "*" ? undefined : Number(range[3])];
    if (start !== this.offset) throw this.#untrue("another part was sent than was asked for");
    const length = response.contentLength;
    if (length !== undefined && length !== end - start + 1) throw this.#untrue("a part was sent with a wrong length");
    const validator = validatorOf(response);
    if (validator !== undefined && validator !== this.#validator) throw this.#changed();
    if (size !== undefined && this.#size !== undefined && size !== this.#size) throw this.#changed();
    this.#size ??= size;
    if (this.#size !== undefined && end >= this.#size) {
      throw this.#untrue("a part was sent that is longer than the whole");
    }
  }

  #changed(): KilnError {
    return new KilnError("integrity", `Cannot ${this.#action}: it was replaced while it was downloaded`, {
      hint: "start the build again, or give each archive a URL of its own",
    });
  }

  #untrue(why: string): KilnError {
    return new KilnError("integrity", `Cannot ${this.#action}: ${why}`);
  }
}

/** A strong validator: a weak ETag may stay the same though bytes change (RFC 9110, 8.8.1 and 13.1.5). */
function validatorOf(response: HttpResponse): string | undefined {
  const etag = response.header("etag")?.trim();
  return etag !== undefined && /^"[\x21\x23-\x7e]*"$/.test(etag) ? etag : undefined;
}
