/**
 * A Git LFS server of the tests' own: the batch API and basic transfers, downloads only.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What an LFS server does. */
export interface LfsStore {
  /** Adds a file and returns the text of its pointer. */
  add(content: Uint8Array): string;
  /** Answers requests for `.../info/lfs/...` and `/lfs-objects/...`; returns whether it did. */
  readonly answer: (request: IncomingMessage, response: ServerResponse) => Promise<boolean>;
  /** Requests for objects, as they came. */
  readonly downloads: { readonly url: string; readonly authorization: string | undefined }[];
  /** Changes the content of an object. */
  damage(pointer: string, content: Uint8Array): void;
}

/** How the store behaves. */
export interface LfsStoreOptions {
  /** Where it says that objects are; else on the host that was asked. */
  readonly objectsAt?: () => string;
  /** Takes over the answer to a request for an object; returns whether it did. */
  readonly intercept?: (oid: string, response: ServerResponse) => boolean;
  /** Answers of 503 before the first good one, to each kind of request. */
  readonly refusals?: number;
}

/** Makes a store. */
export function lfsStore(options: LfsStoreOptions = {}): LfsStore {
  const objects = new Map<string, Uint8Array>();
  const downloads: { url: string; authorization: string | undefined }[] = [];
  let [batchRefusals, objectRefusals] = [options.refusals ?? 0, options.refusals ?? 0];
  return {
    downloads,
    add(content: Uint8Array): string {
      const oid = createHash("sha256").update(content).digest("hex");
      objects.set(oid, content);
      return `version https://git-lfs.github.com/spec/v1\noid sha256:${oid}\nsize ${content.length}\n`;
    },
    damage(pointer: string, content: Uint8Array): void {
      objects.set(/sha256:(.*)/.exec(pointer)?.[1] ?? "", content);
    },
    async answer(request: IncomingMessage, response: ServerResponse): Promise<boolean> {
      const url = request.url ?? "";
      if (url.endsWith("/info/lfs/objects/batch") && request.method === "POST") {
        if (batchRefusals-- > 0) return send(response, 503, "");
        // what LFS clients send
        const asked = JSON.parse(await textOf(request)) as { objects: { oid: string; size: number }[] };
        const base = options.objectsAt?.() ?? `http://${request.headers.host}`;
        const answers = asked.objects.map(({ oid, size }) =>
          objects.has(oid)
            ? { oid, size, actions: { download: { href: `${base}/lfs-objects/${oid}`, header: { "x-lfs": "yes" } } } }
            : { oid, size, error: { code: 404, message: "Object does not exist" } }
        );
        return send(response, 200, JSON.stringify({ transfer: "basic", objects: answers }));
      }
      const oid = /^\/lfs-objects\/([0-9a-f]{64})$/.exec(url)?.[1];
      if (oid === undefined) return false;
      if (objectRefusals-- > 0) return send(response, 503, "");
      downloads.push({ url, authorization: request.headers.authorization });
      if (options.intercept?.(oid, response) === true) return true;
      const content = request.headers["x-lfs"] === "yes" ? objects.get(oid) : undefined;
      if (content === undefined) return send(response, 404, "");
      response.writeHead(200, { "content-type": "application/octet-stream", "content-length": content.length });
      response.end(content);
      return true;
    },
  };
}

/** Starts a server for a store alone, on a host of its own. */
export async function startLfsServer(store: LfsStore): Promise<AsyncDisposable & { readonly url: string }> {
  const server = createServer((request, response) => {
    store.answer(request, response).then((done) => {
      if (!done) response.writeHead(404).end();
    }, () => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  // a TCP server's address is a record
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose](): Promise<void> {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function send(response: ServerResponse, status: number, body: string): boolean {
  response.writeHead(status, { "content-type": "application/vnd.git-lfs+json" });
  response.end(body);
  return true;
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return await new Blob(chunks.map((chunk) => new Uint8Array(chunk))).text();
}
