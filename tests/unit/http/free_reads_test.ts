import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import process from "node:process";
import { createTransport, type Transport, type TransportOptions } from "../../../lib/http/transport.ts";
import { releaseWhole } from "../../../lib/io/release_buffer.ts";
import { noise } from "../../support/context_archive.ts";
import { createIdentity, startServer } from "../../support/registry_server.ts";

const MIB = 1024 * 1024;

interface Read {
  readonly sha256: string;
  readonly bytes: number;
  /** The most memory outside of the heap that was in use meanwhile. */
  readonly peakBytes: number;
}

async function read(transport: Transport, url: string): Promise<Read> {
  const signal = new AbortController().signal;
  const response = await transport.request({ method: "GET", url: new URL(url), reach: "any", signal });
  const hash = createHash("sha256");
  let [bytes, peakBytes, chunks] = [0, 0, 0];
  for await (const chunk of response.body()) {
    hash.update(chunk);
    bytes += chunk.length;
    releaseWhole(chunk);
    if (chunks++ % 16 === 0) peakBytes = Math.max(peakBytes, process.memoryUsage().external);
  }
  return { sha256: hash.digest("hex"), bytes, peakBytes };
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function transportOf(options: Partial<TransportOptions> = {}): Transport {
  return createTransport({ userAgent: "kiln/test", environment: () => undefined, ...options });
}

/** Sends a body in many chunks, many of them in one read of the socket, with what HTTP has for framing between them. */
const CONTENT = noise(3 * MIB + 17);
const PIECES = [1, 2, 3, 1000, 4096, 65_535, 65_536, 65_537, 200_000];

Deno.test("transport frees what its sockets have read, not what it hands on", async () => {
  await using server = await startServer((request, response) => {
    if (request.path === "/length") response.setHeader("content-length", String(CONTENT.length));
    for (let at = 0, turn = 0; at < CONTENT.length; turn++) {
      const size = PIECES[turn % PIECES.length] ?? 1;
      response.write(CONTENT.subarray(at, at + size));
      at += size;
    }
    response.end();
  });
  const transport = transportOf();
  try {
    const expected = sha256(CONTENT);
    // Over one connection, which is used again: chunked, with a length, and chunked once more.
    for (const path of ["/chunked", "/length", "/chunked"]) {
      assert.equal((await read(transport, `http://${server.host}${path}`)).sha256, expected, path);
    }
    // And over several at once.
    const all = await Promise.all([1, 2, 3, 4].map(() => read(transport, `http://${server.host}/chunked`)));
    assert.deepEqual(all.map(({ sha256 }) => sha256), Array(4).fill(expected));
  } finally {
    transport.close();
  }
});

// Red without `freeReads`: 60 MiB and more.
for (const secure of [false, true]) {
  Deno.test(`transport takes no more memory for a long body than for a short one ${secure ? "over TLS" : ""}`, async () => {
    const block = noise(MIB);
    await using server = await startServer(async (_request, response) => {
      for (let sent = 0; sent < 128; sent++) {
        if (!response.write(block)) await new Promise((resolve) => response.once("drain", resolve));
      }
      response.end();
    }, secure ? await createIdentity() : undefined);
    const transport = transportOf({ tls: () => ({ rejectUnauthorized: false }) });
    try {
      const before = process.memoryUsage().external;
      const { bytes, peakBytes } = await read(transport, `${secure ? "https" : "http"}://${server.host}/`);
      assert.equal(bytes, 128 * MIB);
      assert.ok(peakBytes - before < 32 * MIB, `it took ${Math.round((peakBytes - before) / MIB)} MiB`);
    } finally {
      transport.close();
    }
  });
}

Deno.test("transport frees what connections with TLS have read", async () => {
  await using server = await startServer((_request, response) => void response.end(CONTENT), await createIdentity());
  const transport = transportOf({ tls: () => ({ rejectUnauthorized: false }) });
  try {
    for (let turn = 0; turn < 2; turn++) {
      assert.equal((await read(transport, `https://${server.host}/`)).sha256, sha256(CONTENT));
    }
  } finally {
    transport.close();
  }
});
