import assert from "node:assert/strict";
import { KilnError } from "../../../lib/errors.ts";
import { isExempt, proxyFor } from "../../../lib/http/proxy.ts";
import { createTransport, type Transport } from "../../../lib/http/transport.ts";
import { TransportFault } from "../../../lib/http/transport_fault.ts";
import { startProxy } from "../../support/proxy_server.ts";
import { createIdentity, startServer } from "../../support/registry_server.ts";

const EXEMPTIONS: readonly (readonly [list: string, target: string, exempt: boolean])[] = [
  ["", "https://example.com", false],
  ["*", "https://example.com", true],
  ["*", "https://10.0.0.1", true],
  ["other.com,*", "https://example.com", true],
  ["example.com", "https://example.com", true],
  ["example.com", "https://EXAMPLE.com./", true],
  ["example.com", "https://registry.example.com", true],
  ["example.com", "https://notexample.com", false],
  ["example.com", "https://example.com.evil.org", false],
  [".example.com", "https://registry.example.com", true],
  [".example.com", "https://example.com", false],
  ["*.example.com", "https://registry.example.com", true],
  ["*.example.com", "https://example.com", false],
  ["EXAMPLE.com", "https://example.com", true],
  [" a.org , example.com ", "https://example.com", true],
  ["example.com:5000", "https://example.com:5000", true],
  ["example.com:5000", "https://example.com", false],
  ["example.com:443", "https://example.com", true],
  ["example.com:443", "http://example.com", false],
  ["example.com:80", "http://example.com", true],
  ["10.0.0.1", "https://10.0.0.1:5000", true],
  ["10.0.0.1:5000", "https://10.0.0.1:5000", true],
  ["10.0.0.1:5000", "https://10.0.0.1", false],
  ["10.0.0.0/8", "https://10.200.3.4", true],
  ["10.0.0.0/8", "https://11.0.0.1", false],
  ["10.0.0.0/8", "https://ten.example.com", false],
  ["10.0.0.0/33", "https://10.0.0.1", false],
  ["fd00::/8", "https://[fd12::1]:5000", true],
  ["::1/128", "https://[fd12::1]", false],
  ["fd12::1", "https://[fd12::1]:5000", true],
  ["[fd12::1]:5000", "https://[fd12::1]:5000", true],
  ["[fd12::1]:5000", "https://[fd12::1]", false],
  ["nonsense/8", "https://nonsense", false],
];

for (const [list, target, exempt] of EXEMPTIONS) {
  Deno.test(`isExempt() says ${exempt} for ${target} and NO_PROXY="${list}"`, () => {
    assert.equal(isExempt(new URL(target), list), exempt);
  });
}

const CHOICES: readonly (readonly [string, Record<string, string>, string | undefined])[] = [
  ["https://example.com", {}, undefined],
  ["https://example.com", { HTTPS_PROXY: "http://p:3128" }, "http://p:3128/"],
  ["https://example.com", { https_proxy: "http://p:3128" }, "http://p:3128/"],
  ["https://example.com", { HTTPS_PROXY: "http://upper", https_proxy: "http://lower" }, "http://upper/"],
  ["https://example.com", { HTTPS_PROXY: "", https_proxy: "http://lower" }, "http://lower/"],
  ["https://example.com", { HTTP_PROXY: "http://p:3128" }, undefined],
  ["http://example.com", { HTTP_PROXY: "http://p:3128", HTTPS_PROXY: "http://q" }, "http://p:3128/"],
  ["https://example.com", { HTTPS_PROXY: "p:3128" }, "http://p:3128/"],
  ["https://example.com", { HTTPS_PROXY: "https://u:s@p" }, "https://u:s@p/"],
  ["https://example.com", { HTTPS_PROXY: "http://p", NO_PROXY: "example.com" }, undefined],
  ["https://example.com", { HTTPS_PROXY: "http://p", no_proxy: "example.com" }, undefined],
  ["https://localhost:5000", { HTTPS_PROXY: "http://p" }, undefined],
  ["http://127.0.0.1:5000", { HTTP_PROXY: "http://p" }, undefined],
  ["http://[::1]:5000", { HTTP_PROXY: "http://p" }, undefined],
];

for (const [target, environment, proxy] of CHOICES) {
  Deno.test(`proxyFor() chooses ${proxy ?? "none"} for ${target} and ${JSON.stringify(environment)}`, () => {
    assert.equal(proxyFor(new URL(target), (name) => environment[name])?.href, proxy);
  });
}

for (const value of ["socks5://user:hunter2@p:1080", "http://", "ftp://p"]) {
  Deno.test(`proxyFor() refuses ${value} without showing it`, () => {
    assert.throws(() => proxyFor(new URL("https://example.com"), () => value), (error) => {
      assert.ok(error instanceof KilnError && error.kind === "usage");
      assert.equal(error.message, "Cannot use the proxy in HTTPS_PROXY: it is not an http:// or https:// URL");
      return true;
    });
  });
}

function get(transport: Transport, url: string): ReturnType<Transport["request"]> {
  return transport.request({ method: "GET", url: new URL(url), reach: "any", signal: new AbortController().signal });
}

const BASIC = `Basic ${btoa("user:p@ss")}`;

Deno.test("transport reaches an https host through a CONNECT tunnel, which it keeps", async () => {
  const identity = await createIdentity({ names: ["registry.example"] });
  await using server = await startServer((_request, response) => void response.end("inside"), identity);
  await using proxy = await startProxy(server.port);
  const transport = createTransport({
    userAgent: "kiln/test",
    environment: (name) => name === "HTTPS_PROXY" ? proxy.url : undefined,
    tls: () => ({ ca: [identity.cert] }),
  });
  for (let turn = 0; turn < 3; turn++) {
    const response = await get(transport, "https://registry.example/v2/");
    assert.equal(new TextDecoder().decode((await response.document(100)).bytes), "inside");
    assert.equal(response.remoteAddress, undefined);
  }
  assert.deepEqual(proxy.asked, ["CONNECT registry.example:443"]);
  assert.deepEqual(proxy.authorization, [BASIC]);
  assert.equal(server.seen[0]?.headers["proxy-authorization"], undefined);
  transport.close();
});

Deno.test("transport verifies the certificate of the host behind the tunnel", async () => {
  const identity = await createIdentity({ names: ["other.example"] });
  await using server = await startServer((_request, response) => void response.end(), identity);
  await using proxy = await startProxy(server.port);
  const transport = createTransport({
    userAgent: "kiln/test",
    environment: () => proxy.url,
    tls: () => ({ ca: [identity.cert] }),
  });
  await assert.rejects(get(transport, "https://registry.example/"), (error) => {
    assert.ok(error instanceof TransportFault && error.code === "ERR_TLS_CERT_ALTNAME_INVALID", `${error}`);
    return true;
  });
  transport.close();
});

Deno.test("transport reaches an http host through the proxy in absolute form", async () => {
  await using server = await startServer((_request, response) => void response.end("plain"));
  await using proxy = await startProxy(server.port);
  const transport = createTransport({
    userAgent: "kiln/test",
    environment: (name) => name === "http_proxy" ? proxy.url : undefined,
  });
  const response = await get(transport, "http://registry.example:5000/v2/?a=b");
  assert.equal(new TextDecoder().decode((await response.document(100)).bytes), "plain");
  assert.deepEqual(proxy.asked, ["GET http://registry.example:5000/v2/?a=b"]);
  assert.deepEqual(proxy.authorization, [BASIC]);
  transport.close();
});

for (const scheme of ["http", "https"]) {
  Deno.test(`transport reports a proxy that asks for credentials for ${scheme}`, async () => {
    await using proxy = await startProxy(0, "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n");
    const transport = createTransport({ userAgent: "kiln/test", environment: () => proxy.url });
    await assert.rejects(get(transport, `${scheme}://registry.example/`), (error) => {
      assert.ok(error instanceof TransportFault && error.phase === "proxy" && error.code === "KILN_PROXY", `${error}`);
      assert.match(error.message, /407/);
      assert.equal(error.host, new URL(proxy.url).host);
      assert.equal(error.temporary, false);
      return true;
    });
    transport.close();
  });
}

Deno.test("transport reports a proxy that drops the tunnel", async () => {
  await using proxy = await startProxy(0, "");
  const transport = createTransport({ userAgent: "kiln/test", environment: () => proxy.url });
  await assert.rejects(get(transport, "https://registry.example/"), (error) => {
    assert.ok(error instanceof TransportFault && error.phase === "proxy" && error.temporary, `${error}`);
    return true;
  });
  transport.close();
});

Deno.test("transport asks no proxy for a loopback host", async () => {
  await using server = await startServer((_request, response) => void response.end("direct"));
  await using proxy = await startProxy(server.port);
  const transport = createTransport({
    userAgent: "kiln/test",
    environment: (name) => name === "HTTP_PROXY" ? proxy.url : undefined,
  });
  await (await get(transport, `http://${server.host}/`)).discard();
  assert.deepEqual(proxy.asked, []);
  transport.close();
});
