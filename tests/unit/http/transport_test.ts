import assert from "node:assert/strict";
import type { HttpResponse } from "../../../lib/http/response.ts";
import {
  createTransport,
  type RequestBody,
  type Transport,
  type TransportOptions,
  type TransportRequest,
} from "../../../lib/http/transport.ts";
import { TransportFault } from "../../../lib/http/transport_fault.ts";
import { createIdentity, startRawServer, startServer } from "../../support/registry_server.ts";

const text = new TextDecoder();

/** Runs a test with a transport and closes it. */
async function withTransport(
  options: Partial<TransportOptions>,
  body: (transport: Transport) => Promise<void>,
): Promise<void> {
  const transport = createTransport({ userAgent: "kiln/test", environment: () => undefined, ...options });
  try {
    await body(transport);
  } finally {
    transport.close();
  }
}

function get(url: string, more: Partial<TransportRequest> = {}): TransportRequest {
  return { method: "GET", url: new URL(url), reach: "any", signal: new AbortController().signal, ...more };
}

async function read(response: HttpResponse): Promise<string> {
  return text.decode((await response.document(1_000_000)).bytes);
}

/** A body of `count` equal chunks. */
function bodyOf(chunk: Uint8Array, count: number): RequestBody & { opened: number; pulled: number } {
  return {
    length: chunk.length * count,
    opened: 0,
    pulled: 0,
    async *open(): AsyncGenerator<Uint8Array> {
      this.opened++;
      for (let at = 0; at < count; at++) {
        this.pulled++;
        yield chunk;
      }
    },
  };
}

function fault(phase: string, code: string, temporary: boolean): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof TransportFault, `${error}`);
    assert.deepEqual([error.phase, error.code, error.temporary], [phase, code, temporary], error.message);
    return true;
  };
}

Deno.test("transport streams a body with its Content-Length", async () => {
  await using server = await startServer(async (request, response) => {
    response.end(String((await request.body()).length));
  });
  await withTransport({}, async (transport) => {
    const body = bodyOf(new Uint8Array(50_000), 40);
    const response = await transport.request(get(`http://${server.host}/x?y=1`, { method: "PUT", body }));
    assert.equal(await read(response), "2000000");
    assert.equal(server.seen[0]?.headers["content-length"], "2000000");
    assert.equal(server.seen[0]?.headers["transfer-encoding"], undefined);
    assert.equal(server.seen[0]?.path, "/x?y=1");
  });
});

Deno.test("transport sends a length of zero with a POST that has no body", async () => {
  await using server = await startServer((_request, response) => void response.end());
  await withTransport({}, async (transport) => {
    await (await transport.request(get(`http://${server.host}/`, { method: "POST" }))).discard();
    assert.equal(server.seen[0]?.headers["content-length"], "0");
  });
});

Deno.test("transport says who it is and asks for bodies as they are", async () => {
  await using server = await startServer((_request, response) => void response.end());
  await withTransport({}, async (transport) => {
    await (await transport.request(get(`http://${server.host}/`))).discard();
    assert.equal(server.seen[0]?.headers["user-agent"], "kiln/test");
    assert.equal(server.seen[0]?.headers["accept-encoding"], "identity");
  });
});

Deno.test("transport does not decode a body", async () => {
  await using server = await startServer((_request, response) => {
    response.writeHead(200, { "content-encoding": "gzip" }).end("not gzip at all");
  });
  await withTransport({}, async (transport) => {
    assert.equal(await read(await transport.request(get(`http://${server.host}/`))), "not gzip at all");
  });
});

Deno.test("transport returns redirects as they are", async () => {
  await using server = await startServer((_request, response) => {
    response.writeHead(307, { location: "http://127.0.0.1:1/" }).end();
  });
  await withTransport({}, async (transport) => {
    const response = await transport.request(get(`http://${server.host}/`));
    assert.equal(response.status, 307);
    await response.discard();
  });
});

Deno.test("transport uses a connection again once its response was read", async () => {
  await using server = await startServer((_request, response) => void response.end("hello"));
  await withTransport({}, async (transport) => {
    for (let turn = 0; turn < 5; turn++) await read(await transport.request(get(`http://${server.host}/`)));
    assert.equal(server.connections(), 1);
  });
});

Deno.test("transport closes the connection of a response that was not read", async () => {
  await using server = await startServer((_request, response) => void response.end("x".repeat(1000)));
  await withTransport({}, async (transport) => {
    for (let turn = 0; turn < 2; turn++) {
      using response = await transport.request(get(`http://${server.host}/`));
      assert.equal(response.status, 200);
    }
    assert.equal(server.connections(), 2);
  });
});

// With `reusedSocket` left as it is this fails: the second request is never answered.
Deno.test("transport repeats a request that met an idle connection the server had closed", async () => {
  await using server = await startRawServer((socket) => {
    let received = "";
    let answered = false;
    socket.on("data", (bytes) => {
      received += bytes;
      if (!received.endsWith("end")) return;
      received = "";
      if (answered) return void socket.destroy();
      answered = true;
      socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    });
  });
  await withTransport({}, async (transport) => {
    const body = bodyOf(new TextEncoder().encode("end"), 1);
    const put = () => transport.request(get(`http://${server.host}/`, { method: "PUT", body }));
    assert.equal(await read(await put()), "ok");
    assert.equal(await read(await put()), "ok");
    assert.equal(server.connections(), 2);
    assert.equal(body.opened, 3);
  });
});

Deno.test("transport returns an answer that comes before the body was sent, and stops sending", async () => {
  await using server = await startServer((_request, response) => {
    response.writeHead(401).end("who are you");
  });
  await withTransport({}, async (transport) => {
    const body = bodyOf(new Uint8Array(64 * 1024), 100_000);
    const response = await transport.request(get(`http://${server.host}/`, { method: "PUT", body }));
    assert.equal(response.status, 401);
    assert.equal(await read(response), "who are you");
    assert.ok(body.pulled < 10_000, `${body.pulled} chunks were sent`);
  });
});

Deno.test("transport throws what the source of a body throws", async () => {
  await using server = await startServer(async (request, response) => {
    await request.body();
    response.end();
  });
  const failure = new Error("disk on fire");
  let closed = false;
  const body: RequestBody = {
    length: 10,
    async *open(): AsyncGenerator<Uint8Array> {
      try {
        yield new Uint8Array(5);
        throw failure;
      } finally {
        closed = true;
      }
    },
  };
  await withTransport({}, async (transport) => {
    await assert.rejects(transport.request(get(`http://${server.host}/`, { method: "PUT", body })), failure);
    assert.ok(closed);
  });
});

for (const [name, announced] of [["more", 4], ["less", 6]] as const) {
  Deno.test(`transport refuses a body of ${name} bytes than announced`, async () => {
    await using server = await startServer(async (request, response) => {
      await request.body();
      response.end();
    });
    const body = { ...bodyOf(new Uint8Array(5), 1), length: announced };
    await withTransport({}, async (transport) => {
      const sending = transport.request(get(`http://${server.host}/`, { method: "PUT", body }));
      await assert.rejects(sending, fault("send", "KILN_LENGTH", false));
    });
  });
}

Deno.test("transport reports a body that ends early", async () => {
  await using server = await startServer((_request, response) => {
    response.writeHead(200, { "content-length": "10" });
    response.write("abc", () => void response.socket?.end());
  });
  await withTransport({}, async (transport) => {
    const response = await transport.request(get(`http://${server.host}/`));
    await assert.rejects(response.document(100), fault("body", "ECONNRESET", true));
  });
});

Deno.test("transport reports a refused connection", async () => {
  const server = await startRawServer(() => {});
  await server[Symbol.asyncDispose]();
  await withTransport({}, async (transport) => {
    await assert.rejects(transport.request(get(`http://${server.host}/`)), fault("connect", "ECONNREFUSED", true));
  });
});

Deno.test("transport reports a server that does not speak HTTP", async () => {
  await using server = await startRawServer((socket) => void socket.once("data", () => socket.end("220 smtp\r\n")));
  await withTransport({}, async (transport) => {
    await assert.rejects(transport.request(get(`http://${server.host}/`)), (error) => {
      assert.ok(error instanceof TransportFault && error.code.startsWith("HPE_") && !error.temporary);
      return true;
    });
  });
});

Deno.test("transport refuses a response head of more than 64 KiB", async () => {
  await using server = await startRawServer((socket) => {
    socket.once("data", () => socket.write(`HTTP/1.1 200 OK\r\nX: ${"x".repeat(70_000)}\r\n\r\n`));
  });
  await withTransport({}, async (transport) => {
    const answer = transport.request(get(`http://${server.host}/`));
    await assert.rejects(answer, fault("answer", "HPE_HEADER_OVERFLOW", false));
  });
});

Deno.test("transport gives up a TLS handshake that does not end", async () => {
  await using server = await startRawServer(() => {});
  await withTransport({ timeouts: { connect: 50 } }, async (transport) => {
    await assert.rejects(transport.request(get(`https://${server.host}/`)), fault("connect", "KILN_TIMEOUT", true));
  });
});

Deno.test("transport gives up waiting for an answer", async () => {
  await using server = await startRawServer(() => {});
  await withTransport({ timeouts: { answer: 50 } }, async (transport) => {
    await assert.rejects(transport.request(get(`http://${server.host}/`)), fault("answer", "KILN_TIMEOUT", true));
  });
});

Deno.test("transport waits longer for an answer when the request says so", async () => {
  await using server = await startServer((_request, response) => void setTimeout(() => response.end("late"), 60));
  await withTransport({ timeouts: { answer: 20 } }, async (transport) => {
    const response = await transport.request(get(`http://${server.host}/`, { answerTimeoutMs: 10_000 }));
    assert.equal(await read(response), "late");
  });
});

Deno.test("transport gives up a body the server does not take", async () => {
  await using server = await startRawServer((socket) => void socket.pause());
  await withTransport({ timeouts: { stall: 50 } }, async (transport) => {
    const body = bodyOf(new Uint8Array(1024 * 1024), 64);
    const sending = transport.request(get(`http://${server.host}/`, { method: "PUT", body }));
    await assert.rejects(sending, fault("send", "KILN_TIMEOUT", true));
  });
});

// With LEAST_PROGRESS_BYTES of 1 this fails: the body ends well after two seconds.
Deno.test("transport gives up a body that trickles (slow loris)", async () => {
  await using server = await startServer((_request, response) => {
    response.socket?.setNoDelay();
    const timer = setInterval(() => response.write("x"), 5);
    const end = setTimeout(() => response.end(), 2_000);
    response.on("close", () => {
      clearInterval(timer);
      clearTimeout(end);
    });
  });
  await withTransport({ timeouts: { stall: 300 } }, async (transport) => {
    const response = await transport.request(get(`http://${server.host}/`));
    await assert.rejects(response.document(100_000), fault("body", "KILN_TIMEOUT", true));
  });
});

Deno.test("transport does not take a slow consumer for a stalled transfer", async () => {
  await using server = await startServer((_request, response) => void response.end("x".repeat(500)));
  await withTransport({ timeouts: { stall: 30 } }, async (transport) => {
    const response = await transport.request(get(`http://${server.host}/`));
    let length = 0;
    for await (const chunk of response.body()) {
      await new Promise((resolve) => setTimeout(resolve, 60));
      length += chunk.length;
    }
    assert.equal(length, 500);
  });
});

// S60. With `room` without end this fails.
Deno.test("transport reads no more of a document than allowed", async () => {
  await using server = await startServer((_request, response) => void response.end("x".repeat(100_000)));
  await withTransport({}, async (transport) => {
    const response = await transport.request(get(`http://${server.host}/`));
    const { bytes, complete } = await response.document(1000);
    assert.deepEqual([bytes.length, complete], [1000, false]);
    const whole = await transport.request(get(`http://${server.host}/`));
    assert.equal((await whole.document(100_000)).complete, true);
  });
});

for (const phase of ["before the answer", "in the body"]) {
  Deno.test(`transport stops with the reason of the signal ${phase}`, async () => {
    const controller = new AbortController();
    const reason = new Error("interrupted");
    await using server = await startServer((_request, response) => {
      if (phase === "before the answer") return controller.abort(reason);
      response.write("x".repeat(2000));
    });
    await withTransport({}, async (transport) => {
      const reading = async () => {
        const response = await transport.request(get(`http://${server.host}/`, { signal: controller.signal }));
        for await (const _chunk of response.body()) controller.abort(reason);
      };
      await assert.rejects(reading(), reason);
    });
  });
}

// With `checkHost` doing nothing this fails.
Deno.test("transport does not connect to loopback with public reach, by address or by name", async () => {
  await using server = await startServer((_request, response) => void response.end());
  await withTransport({}, async (transport) => {
    for (const host of ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0.0.0.0", "0x7f.1"]) {
      const answer = transport.request(get(`http://${host}:${server.port}/`, { reach: "public" }));
      await assert.rejects(answer, fault("connect", "KILN_ADDRESS", false), host);
    }
    assert.equal(server.connections(), 0);
  });
});

// S63a. With TLS options of one host given to all this fails.
Deno.test("transport trusts an unknown authority only where it was told to", async () => {
  const identity = await createIdentity();
  await using known = await startServer((_request, response) => void response.end("known"), identity);
  await using skipped = await startServer((_request, response) => void response.end("skipped"), identity);
  await using other = await startServer((_request, response) => void response.end("other"), identity);
  const tls: TransportOptions["tls"] = (host) =>
    host === known.host ? { ca: [identity.cert] } : host === skipped.host ? { rejectUnauthorized: false } : undefined;
  await withTransport({ tls }, async (transport) => {
    assert.equal(await read(await transport.request(get(`https://${known.host}/`))), "known");
    assert.equal(await read(await transport.request(get(`https://${skipped.host}/`))), "skipped");
    const refused = transport.request(get(`https://${other.host}/`));
    await assert.rejects(refused, fault("tls", "DEPTH_ZERO_SELF_SIGNED_CERT", false));
  });
});

Deno.test("transport tells a plain http server from an https one", async () => {
  await using server = await startServer((_request, response) => void response.end());
  await withTransport({}, async (transport) => {
    const answer = transport.request(get(`https://${server.host}/`));
    await assert.rejects(answer, fault("tls", "ERR_SSL_WRONG_VERSION_NUMBER", false));
  });
});
