/**
 * An HTTP response whose body has not been read yet.
 *
 * One of these must happen to a response: its body is iterated, it is read as a document, discarded or disposed
 * of. Bodies are never decoded: a `Content-Encoding` is none of our business, digests cover the bytes as sent.
 *
 * @module
 */
import type { IncomingMessage } from "node:http";
import { ChunkQueue } from "./chunk_queue.ts";
import { faultOf, TransportFault } from "./transport_fault.ts";

/** Up to here reading on is cheaper than a new connection. */
const DISCARD_CAP_BYTES = 64 * 1024;

/** What `HttpResponse` must know of the exchange it ends. */
export interface ResponseContext {
  readonly url: URL;
  readonly stallTimeoutMs: number;
  readonly signal: AbortSignal;
  readonly remoteAddress: string | undefined;
  /** Closes the connection, or does nothing if the exchange is complete. */
  readonly abandon: () => void;
}

/** A document read from a response; incomplete if it was longer than the reader allowed. */
export interface HttpDocument {
  readonly bytes: Uint8Array;
  readonly complete: boolean;
}

/** Status, headers and the body to come. */
export class HttpResponse implements Disposable {
  readonly status: number;
  readonly statusText: string;
  /** The URL that answered. */
  readonly url: URL;
  /** The address that answered; undefined behind a proxy. */
  readonly remoteAddress: string | undefined;
  readonly #message: IncomingMessage;
  readonly #context: ResponseContext;
  #document: Promise<HttpDocument> | undefined;

  constructor(message: IncomingMessage, context: ResponseContext) {
    this.status = message.statusCode ?? 0;
    this.statusText = message.statusMessage ?? "";
    this.url = context.url;
    this.remoteAddress = context.remoteAddress;
    this.#message = message;
    this.#context = context;
    // A body nobody reads yet may break; whoever reads it later is told by the stream itself.
    message.on("error", () => {});
  }

  /** Returns the first value of a header. */
  header(name: string): string | undefined {
    return this.headers(name)[0];
  }

  /** Returns every value of a header, one for each line of the head. */
  headers(name: string): readonly string[] {
    const { rawHeaders } = this.#message;
    const values: string[] = [];
    for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
      const value = rawHeaders[at + 1];
      if (rawHeaders[at]?.toLowerCase() === name && value !== undefined) values.push(value);
    }
    return values;
  }

  /** Returns the announced length of the body, or undefined if it was not announced. */
  get contentLength(): number | undefined {
    const text = this.header("content-length");
    return text !== undefined && /^[0-9]{1,15}$/.test(text) ? Number(text) : undefined;
  }

  /**
   * Streams the body, in chunks that belong to the reader (`releaseWhole` frees them). Leaving the loop early closes the
   * connection.
   */
  async *body(): AsyncGenerator<Uint8Array, void, void> {
    const { stallTimeoutMs, signal } = this.#context;
    using queue = new ChunkQueue(this.#message, { stallTimeoutMs, stalled: () => this.#stalled() });
    try {
      for (let chunk = await queue.next(); chunk !== undefined; chunk = await queue.next()) yield chunk;
    } catch (error) {
      signal.throwIfAborted();
      throw faultOf(error, { phase: "body", host: this.url.host });
    } finally {
      this.#context.abandon();
    }
  }

  /** Reads the body, but no more than `capBytes` of it. Later calls return the same document. */
  document(capBytes: number): Promise<HttpDocument> {
    this.#document ??= this.#read(capBytes);
    return this.#document;
  }

  async #read(capBytes: number): Promise<HttpDocument> {
    const chunks: Uint8Array[] = [];
    let length = 0;
    let complete = true;
    for await (const chunk of this.body()) {
      const room = capBytes - length;
      chunks.push(chunk.subarray(0, room));
      length += Math.min(chunk.length, room);
      if (chunk.length > room) {
        complete = false;
        break;
      }
    }
    const bytes = new Uint8Array(length);
    let at = 0;
    for (const chunk of chunks) {
      bytes.set(chunk, at);
      at += chunk.length;
    }
    return { bytes, complete };
  }

  /** Reads what is left of a body nobody wants, so that the connection can be used again; a long one is cut off. */
  async discard(): Promise<void> {
    try {
      await this.document(DISCARD_CAP_BYTES);
    } catch (error) {
      if (!(error instanceof TransportFault)) throw error;
    }
  }

  /** Closes the connection unless the whole body was read. */
  [Symbol.dispose](): void {
    this.#context.abandon();
  }

  #stalled(): TransportFault {
    return new TransportFault("the transfer stalled", { phase: "body", host: this.url.host, code: "KILN_TIMEOUT" });
  }
}
