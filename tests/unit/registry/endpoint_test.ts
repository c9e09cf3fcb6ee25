import assert from "node:assert/strict";
import { KilnError } from "../../../lib/errors.ts";
import { candidatesFor } from "../../../lib/registry/endpoint.ts";
import { createTestClient } from "../../support/registry_client.ts";
import { startFaultRegistry } from "../../support/registry_fault.ts";
import { createIdentity, startRawServer, startServer } from "../../support/registry_server.ts";

const SIGNAL = new AbortController().signal;

const CANDIDATES: readonly (readonly [registry: string, insecure: boolean, urls: readonly string[]])[] = [
  ["reg.example", false, ["https://reg.example/"]],
  ["reg.example:5000", false, ["https://reg.example:5000/"]],
  ["reg.example", true, ["https://reg.example/", "http://reg.example/"]],
  ["docker.io", false, ["https://registry-1.docker.io/"]],
  ["localhost:5000", false, ["http://localhost:5000/", "https://localhost:5000/"]],
  ["127.0.0.1:5000", false, ["http://127.0.0.1:5000/", "https://127.0.0.1:5000/"]],
  ["127.9.9.9", false, ["http://127.9.9.9/", "https://127.9.9.9/"]],
  ["[::1]:5000", false, ["http://[::1]:5000/", "https://[::1]:5000/"]],
  ["10.0.0.1:5000", false, ["https://10.0.0.1:5000/"]],
  ["localhost.evil.example", false, ["https://localhost.evil.example/"]],
  ["registry.localhost", false, ["https://registry.localhost/"]],
  ["localhost:5000", true, ["http://localhost:5000/", "https://localhost:5000/"]],
];

// S63a. With `startsWith("localhost")` for the name of loopback the case of localhost.evil.example fails.
for (const [registry, insecure, urls] of CANDIDATES) {
  Deno.test(`candidatesFor() tries ${urls} for ${registry}${insecure ? ", which may be insecure" : ""}`, () => {
    assert.deepEqual(candidatesFor(registry, { insecure }).map(String), urls);
  });
}

Deno.test("the client finds TLS on loopback where plain http is hung up on", async () => {
  const identity = await createIdentity();
  await using registry = await startFaultRegistry(identity);
  using client = createTestClient({ tls: () => ({ ca: [identity.cert] }) });
  await client.checkPush({ registry: registry.host, repository: "app" }, SIGNAL);
  assert.equal(registry.log()[0], "GET /v2/");
});

for (
  const words of [
    "Client sent an HTTP request to an HTTPS server.\n",
    "<html><body>400 The plain HTTP request was sent to HTTPS port</body></html>",
  ]
) {
  Deno.test(`the client asks by https where plain http is answered with ${words.slice(0, 20)}`, async () => {
    let schemes = "";
    await using server = await startRawServer((socket) => {
      socket.once("data", (bytes) => {
        const tls = bytes[0] === 22;
        schemes += tls ? "https " : "http ";
        if (tls) return void socket.destroy();
        socket.end(`HTTP/1.1 400 Bad Request\r\nContent-Length: ${words.length}\r\nConnection: close\r\n\r\n${words}`);
      });
    });
    using client = createTestClient({ retries: 0 });
    await assert.rejects(client.checkPush({ registry: server.host, repository: "app" }, SIGNAL));
    assert.equal(schemes, "http https ");
  });
}

Deno.test("the client falls back to http for a host that may be insecure, and remembers", async () => {
  await using registry = await startFaultRegistry();
  using client = createTestClient({ insecureRegistries: new Set([registry.host]) });
  await client.checkPush({ registry: registry.host, repository: "app" }, SIGNAL);
  await client.checkPush({ registry: registry.host, repository: "app" }, SIGNAL);
  assert.equal(registry.log().filter((line) => line === "GET /v2/").length, 1);
});

Deno.test("the client finds TLS on loopback that may be insecure", async () => {
  const identity = await createIdentity();
  await using registry = await startFaultRegistry(identity);
  using client = createTestClient({ insecurePush: true, tls: () => ({ ca: [identity.cert] }) });
  await client.checkPush({ registry: registry.host, repository: "app" }, SIGNAL);
  assert.equal(registry.log()[0], "GET /v2/");
});

Deno.test("the client keeps insecure pushes and insecure pulls apart", async () => {
  const identity = await createIdentity();
  await using registry = await startFaultRegistry(identity);
  const seen: string[] = [];
  using client = createTestClient({
    insecurePush: true,
    retries: 0,
    tls: () => {
      seen.push("tls");
      return { ca: [identity.cert] };
    },
  });
  await client.checkPush({ registry: registry.host, repository: "app" }, SIGNAL);
  const afterPush = registry.connections();
  await assert.rejects(client.manifest({ registry: registry.host, repository: "app", tag: "x" }, SIGNAL), /no tag "x"/);
  assert.equal(afterPush, 2, "plain http was hung up on, then there was TLS");
  assert.equal(registry.connections(), 3, "the pull's plain http, too; its TLS used the open connection");
});

Deno.test("the client says that a certificate is not accepted, also where it may be insecure", async () => {
  const identity = await createIdentity();
  await using registry = await startFaultRegistry(identity);
  for (const insecurePush of [false, true]) {
    using client = createTestClient({ insecurePush });
    await assert.rejects(client.checkPush({ registry: registry.host, repository: "app" }, SIGNAL), (error) => {
      assert.ok(error instanceof KilnError && error.kind === "registry");
      assert.match(
        error.message,
        /^Cannot push to (127\.0\.0\.1:[0-9]+)\/app: the certificate of "\1" is not accepted: self-signed certificate$/,
      );
      assert.match(error.hint ?? "", /SSL_CERT_FILE/);
      return true;
    });
  }
});

Deno.test("the client says that nobody listens, after trying again", async () => {
  await using server = await startServer(() => {});
  const { host } = server;
  await server[Symbol.asyncDispose]();
  using client = createTestClient();
  await assert.rejects(client.checkPush({ registry: host, repository: "app" }, SIGNAL), (error) => {
    assert.ok(error instanceof KilnError && error.kind === "registry");
    assert.equal(error.message, `Cannot push to ${host}/app: "${host}" refuses the connection (tried 4 times)`);
    return true;
  });
  assert.equal(client.clock.slept.length, 3);
});

Deno.test("the client says that something else than a registry listens", async () => {
  await using server = await startRawServer((socket) =>
    void socket.once("data", () => socket.end("SSH-2.0-OpenSSH\r\n"))
  );
  using client = createTestClient();
  await assert.rejects(client.checkPush({ registry: server.host, repository: "app" }, SIGNAL), (error) => {
    assert.ok(error instanceof KilnError);
    assert.match(error.message, /does not answer in HTTP as it should \(HPE_[A-Z_]+\)$/);
    return true;
  });
});

Deno.test("the client names itself and what calls it", async () => {
  await using registry = await startFaultRegistry();
  using client = createTestClient({ version: "1.2.3", clientType: "ci" });
  await client.checkPush({ registry: registry.host, repository: "app" }, SIGNAL);
  assert.equal(registry.seen.at(-1)?.headers["user-agent"], "kiln/1.2.3,ci");
});

Deno.test("the client says why a proxy cannot be used", async () => {
  await using proxy = await startRawServer((socket) => {
    socket.once(
      "data",
      () => void socket.end("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"),
    );
  });
  using client = createTestClient({
    environment: (name) => name === "HTTPS_PROXY" ? `http://${proxy.host}` : undefined,
  });
  await assert.rejects(client.checkPush({ registry: "registry.example", repository: "app" }, SIGNAL), (error) => {
    assert.ok(error instanceof KilnError);
    const message = `the proxy "${proxy.host}" cannot be used: it answered 407 Proxy Authentication Required`;
    assert.equal(error.message, `Cannot push to registry.example/app: ${message}`);
    assert.equal(error.hint, "put the proxy's user and password into its URL in HTTPS_PROXY or HTTP_PROXY");
    return true;
  });
});
