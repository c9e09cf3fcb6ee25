/**
 * A server that speaks as much of S3 as reading takes, checks no signature, and lists whatever it is told: names that
 * no real store would keep, clocks that are wrong, answers that are not those asked for.
 *
 * @module
 */
import { createHash } from "node:crypto";
import type http from "node:http";
import { type SeenRequest, startServer, type TestServer } from "./registry_server.ts";

/** What it does. */
export interface FakeS3Options {
  /** Content by key; every bucket has the same. */
  readonly objects: Readonly<Record<string, Uint8Array | string>>;
  /** The listing, if it is not that of the objects. */
  readonly listing?: readonly { readonly key: string; readonly size?: number }[];
  /** Comes first; true if it has answered. */
  readonly before?: (request: SeenRequest, response: http.ServerResponse) => boolean;
  /** Changes the answer's headers. */
  readonly headers?: (headers: Record<string, string>, request: SeenRequest) => Record<string, string>;
}

/** Starts it. */
export function startFakeS3({ objects, listing, before, headers: change }: FakeS3Options): Promise<TestServer> {
  return startServer((request, response) => {
    if (before?.(request, response) === true) return;
    const url = new URL(request.path, "http://s3");
    const [, , ...names] = url.pathname.split("/");
    const key = decodeURIComponent(names.join("/"));
    if (url.searchParams.get("list-type") === "2") {
      const entries = listing ?? Object.keys(objects).map((key) => ({ key }));
      const prefix = url.searchParams.get("prefix") ?? "";
      const found = listing === undefined ? entries.filter(({ key }) => key.startsWith(prefix)) : entries;
      return answerXml(
        response,
        200,
        listingXml(found.map((entry) => ({ size: sizeOf(objects[entry.key]), ...entry }))),
      );
    }
    const content = objects[key];
    if (content === undefined) return answerError(response, 404, "NoSuchKey");
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    const [, from = "0", to = ""] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "") ?? [];
    if (bytes.length === 0) return answerError(response, 416, "InvalidRange");
    const [start, end] = [Number(from), Math.min(bytes.length, Number(to) + 1)];
    const headers = {
      "etag": etagOf(bytes),
      "content-range": `bytes ${start}-${end - 1}/${bytes.length}`,
      "content-length": String(end - start),
    };
    response.writeHead(206, change?.(headers, request) ?? headers).end(bytes.subarray(start, end));
  });
}

/** Answers with an error of S3's. */
export function answerError(
  response: http.ServerResponse,
  status: number,
  code: string,
  message = `This is ${code}`,
): void {
  answerXml(response, status, `<Error><Code>${code}</Code><Message>${message}</Message></Error>`);
}

function answerXml(response: http.ServerResponse, status: number, xml: string): void {
  response.writeHead(status, { "content-type": "application/xml" }).end(`<?xml version="1.0" encoding="UTF-8"?>${xml}`);
}

function listingXml(entries: readonly { readonly key: string; readonly size: number }[]): string {
  const contents = entries.map(({ key, size }) =>
    `<Contents><Key>${encodeURIComponent(key)}</Key><LastModified>2026-01-02T03:04:05.000Z</LastModified>` +
    `<ETag>&quot;${createHash("md5").update(key).digest("hex")}&quot;</ETag><Size>${size}</Size></Contents>`
  );
  return `<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>false</IsTruncated>${
    contents.join("")
  }</ListBucketResult>`;
}

function sizeOf(content: Uint8Array | string | undefined): number {
  return content === undefined
    ? 0
    : typeof content === "string"
    ? new TextEncoder().encode(content).length
    : content.length;
}

/** The ETag of an object: no digest, so that nobody takes it for one. */
export function etagOf(bytes: Uint8Array): string {
  return `"${createHash("md5").update(bytes).digest("hex")}-1"`;
}
