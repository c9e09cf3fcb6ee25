/**
 * `https://` and `http://` archives: credentials, redirects, broken transfers, replaced and hostile content.
 *
 * @module
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import type { ServerResponse } from "node:http";
import { join } from "node:path/posix";
import { answer, type ArchiveServer, breakAfter, startArchiveServer } from "../support/archive_server.ts";
import { assertContextFails, buildFrom, COPY_ALL, filesFrom } from "../support/context_build.ts";
import { flatten } from "../support/environment/flatten.ts";
import { type Site, startSite } from "../support/executor_site.ts";
import { createIdentity, type SeenRequest, startServer } from "../support/registry_server.ts";
import { archive, entry } from "../support/tar_forge.ts";

const ALL = ["/Dockerfile", "/big", "/x"];

/** Too large for one buffer anywhere, and no two places alike, so that a part in the wrong place is seen. */
const BIG = createHash("sha256").update("seed").digest("hex").repeat(20_000).replace(
  /./g,
  (char, at: number) => at % 61 === 0 ? String.fromCharCode(97 + at % 23) : char,
);

function contextArchive(x = "x"): Uint8Array<ArrayBuffer> {
  return archive(
    entry({ name: "Dockerfile" }, COPY_ALL),
    entry({ name: "x" }, x),
    entry({ name: "big" }, BIG),
  );
}

/** Fails if the image has not the whole file of the context, with every byte in its place. */
async function assertBigIsWhole(site: Site): Promise<void> {
  const { files } = await flatten(join(site.path, "image"));
  assert.equal(files.get("/big")?.sha256, createHash("sha256").update(BIG).digest("hex"));
}

/** A site and a server with a context in it. */
async function withServer(body: (site: Site, server: ArchiveServer) => Promise<void>): Promise<void> {
  await using server = await startArchiveServer(contextArchive());
  await using site = await startSite();
  await body(site, server);
}

const basic = (user: string, password: string): string => `Basic ${btoa(`${user}:${password}`)}`;

Deno.test("an http context, is unpacked and built, without a credential being sent", () =>
  withServer(async (site, server) => {
    assert.deepEqual(await filesFrom(site, server.url), ALL);
    assert.deepEqual(server.seen.map(({ headers }) => headers.authorization), [undefined]);
  }));

Deno.test("an https context, is unpacked and built where its certificate is trusted, else refused", async () => {
  const identity = await createIdentity();
  await using server = await startArchiveServer(contextArchive(), identity);
  await using site = await startSite();
  const ca = join(site.path, "ca.pem");
  await Deno.writeTextFile(ca, identity.cert);
  await assertContextFails(site, server.url, { code: 69, error: /the certificate of "127.0.0.1:\d+" is not accepted/ });
  assert.deepEqual(await filesFrom(site, server.url, { env: { SSL_CERT_FILE: ca } }), ALL);
});

Deno.test("an http context, gets the user and password of the URL, and no log shows them", () =>
  withServer(async (site, server) => {
    server.next((request, response) => {
      assert.equal(request.headers.authorization, basic("me", "pass word"));
      response.end(server.served.bytes);
    });
    const { code, stderr, stdout } = await buildFrom(site, server.url.replace("://", "://me:pass%20word@"), {
      args: ["--verbosity=trace"],
    });
    assert.equal(code, 0, stderr);
    assert.doesNotMatch(stderr + stdout, /pass word|pass%20word|bWU6cGFzcyB3b3Jk/);
  }));

Deno.test("an http context, gets the token of the secret that BuildKit knows", () =>
  withServer(async (site, server) => {
    const secret = `--secret=id=HTTP_AUTH_TOKEN_${server.host},env=TOKEN`;
    await filesFrom(site, server.url, { args: [secret], env: { TOKEN: "tok-1234567" } });
    assert.deepEqual(server.seen.map(({ headers }) => headers.authorization), ["Bearer tok-1234567"]);
  }));

const STATUSES: readonly (readonly [status: number, code: number, error: RegExp])[] = [
  [401, 77, /answered 401 Unauthorized$/],
  [403, 77, /answered 403 Forbidden$/],
  [404, 66, /answered 404 Not Found$/],
  [410, 66, /answered 410 Gone$/],
  [418, 69, /answered 418/],
];
for (const [status, code, error] of STATUSES) {
  Deno.test(`an http context, answered with ${status} fails at once with code ${code}`, () =>
    withServer(async (site, server) => {
      server.next(answer(status));
      await assertContextFails(site, server.url, { code, error });
      assert.equal(server.seen.length, 1);
    }));
}

Deno.test("an http context, with wrong credentials hides them in the failure", () =>
  withServer(async (site, server) => {
    server.next(answer(401));
    const { stderr } = await assertContextFails(site, server.url.replace("://", "://me:wrong-one@"), {
      code: 77,
      error: /answered 401/,
    });
    assert.doesNotMatch(stderr, /wrong-one|me:/);
    assert.match(stderr, /hint: check that the credentials are right/);
  }));

Deno.test("an http context, that is busy is asked for again", () =>
  withServer(async (site, server) => {
    server.next(answer(503), answer(429, { "retry-after": "0" }));
    assert.deepEqual(await filesFrom(site, server.url), ALL);
    assert.equal(server.seen.length, 3);
  }));

Deno.test("an http context, that breaks is taken up where it broke [F04]", () =>
  withServer(async (site, server) => {
    server.next(breakAfter(server.served, 300_000));
    assert.deepEqual(await filesFrom(site, server.url), ALL);
    await assertBigIsWhole(site);
    const [, second] = server.seen;
    assert.match(second?.headers.range ?? "", /^bytes=[1-9][0-9]*-$/);
    assert.equal(second?.headers["if-range"], '"v1"');
  }));

Deno.test("an http context, whose server ignores ranges is read again from the start and compared", () =>
  withServer(async (site, server) => {
    server.served.ranges = false;
    server.next(breakAfter(server.served, 300_000), breakAfter(server.served, 600_000));
    assert.deepEqual(await filesFrom(site, server.url), ALL);
    await assertBigIsWhole(site);
    assert.equal(server.seen.length, 3);
  }));

Deno.test("an http context, without a validator is never taken up by a range", () =>
  withServer(async (site, server) => {
    delete server.served.etag;
    server.next(breakAfter(server.served, 300_000));
    assert.deepEqual(await filesFrom(site, server.url), ALL);
    await assertBigIsWhole(site);
    assert.equal(server.seen[1]?.headers.range, undefined);
  }));

for (const etag of ['"v2"', 'W/"weak"', undefined]) {
  Deno.test(`an http context, replaced while it is downloaded is refused (${etag ?? "without an ETag"})`, () =>
    withServer(async (site, server) => {
      const broken = breakAfter(server.served, 300_000);
      server.next(async (request, response) => {
        await broken(request, response);
        server.served.bytes = contextArchive("y");
        if (etag === undefined) delete server.served.etag;
        else server.served.etag = etag;
      });
      await assertContextFails(site, server.url, {
        code: 78,
        error: `Cannot fetch "${server.url}": it was replaced while it was downloaded`,
      });
    }));
}

Deno.test("an http context, of which another part is sent than was asked for is refused [S59]", () =>
  withServer(async (site, server) => {
    const lie = (headers: Record<string, string>) => (_: unknown, response: ServerResponse) =>
      void response.writeHead(206, headers).end(server.served.bytes);
    server.next(breakAfter(server.served, 300_000), lie({ "content-range": "bytes 0-99/100" }));
    await assertContextFails(site, server.url, { code: 78, error: /another part was sent than was asked for$/ });
    server.next(lie({ "content-range": "bytes 0-99/100" }));
    await assertContextFails(site, server.url, { code: 78, error: /a part was sent that was not asked for$/ });
  }));

Deno.test("an http context, whose server sends the rest in smaller parts than asked for is whole in the end [F04]", () =>
  withServer(async (site, server) => {
    const { bytes, etag = "" } = server.served;
    const part = (request: SeenRequest, response: ServerResponse): void => {
      const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1]);
      const end = Math.min(bytes.length, start + 300_000);
      response.writeHead(206, { etag, "content-range": `bytes ${start}-${end - 1}/${bytes.length}` });
      response.end(bytes.subarray(start, end));
    };
    server.next(breakAfter(server.served, 300_000), part, part, part);
    assert.deepEqual(await filesFrom(site, server.url), ALL);
    await assertBigIsWhole(site);
  }));

Deno.test("an http context, that always breaks at once is given up after five tries", () =>
  withServer(async (site, server) => {
    const drop = (_: unknown, response: ServerResponse) => void response.socket?.resetAndDestroy();
    server.next(drop, drop, drop, drop, drop);
    await assertContextFails(site, server.url, { code: 69, error: /\(tried 5 times\)$/ });
  }));

Deno.test("an http context, without a length is read to its end", () =>
  withServer(async (site, server) => {
    server.next((_request, response) => {
      response.writeHead(200);
      response.write(server.served.bytes.subarray(0, 1000));
      response.end(server.served.bytes.subarray(1000));
    });
    assert.deepEqual(await filesFrom(site, server.url), ALL);
  }));

Deno.test("an http context, that never ends is cut off at the limit [S41]", () =>
  withServer(async (site, server) => {
    server.next((_request, response) => {
      response.writeHead(200);
      const more = (): void => {
        while (!response.destroyed && response.write(new Uint8Array(65536)));
      };
      response.on("drain", more);
      more();
    });
    await assertContextFails(site, server.url, {
      args: ["--context-size-limit=2m"],
      code: 66,
      error: `Cannot fetch "${server.url}": it has more than 2097152 bytes`,
    });
  }));

Deno.test("an http context, that is announced as too large is not downloaded", () =>
  withServer(async (site, server) => {
    server.next((_request, response) => {
      response.writeHead(200, { "content-length": "99999999999" });
      response.write("x");
    });
    await assertContextFails(site, server.url, {
      args: ["--context-size-limit=1g"],
      code: 66,
      error: /more than 1073741824/,
    });
  }));

Deno.test("an http context, that is cut off for good leaves nothing", () =>
  withServer(async (site, server) => {
    server.served.bytes = server.served.bytes.slice(0, 300_000);
    await assertContextFails(site, server.url, { code: 78, error: /truncated/ });
  }));

Deno.test("an http context, with a checksum is verified", () =>
  withServer(async (site, server) => {
    const digest = createHash("sha256").update(server.served.bytes).digest("hex");
    assert.deepEqual(await filesFrom(site, server.url, { args: [`--context-checksum=sha256:${digest}`] }), ALL);
    server.served.bytes = contextArchive("y");
    await Deno.remove(join(site.path, "image"), { recursive: true });
    await assertContextFails(site, server.url, {
      args: [`--context-checksum=sha256:${digest}`],
      code: 78,
      error: /its digest is sha256:[0-9a-f]{64}, not that of --context-checksum$/,
    });
  }));

Deno.test("an http context, is found behind redirects, and credentials stay with the host that was named [S52]", async () => {
  await using other = await startArchiveServer(contextArchive());
  await withServer(async (site, server) => {
    server.next(answer(302, { location: "/moved" }), answer(307, { location: other.url }));
    assert.deepEqual(await filesFrom(site, server.url.replace("://", "://me:secret-9@")), ALL);
    assert.deepEqual(server.seen.map(({ headers }) => headers.authorization !== undefined), [true, true]);
    assert.deepEqual(other.seen.map(({ headers }) => headers.authorization), [undefined]);
  });
});

Deno.test("an http context, whose redirects lead away and back does not get the credentials again", async () => {
  await withServer(async (site, server) => {
    await using other = await startServer((_request, response) =>
      void response.writeHead(302, { location: server.url }).end()
    );
    server.next(answer(302, { location: `http://${other.host}/` }));
    assert.deepEqual(await filesFrom(site, server.url.replace("://", "://me:secret-9@")), ALL);
    assert.deepEqual(server.seen.map(({ headers }) => headers.authorization !== undefined), [true, false]);
  });
});

const HOPS: readonly (readonly [location: string, why: string])[] = [
  ["file:///etc/passwd", "it is neither https nor http"],
  ["http://u:p@127.0.0.1/", "it has a user or password in it"],
  ["http://[", "it is not a URL"],
];
for (const [location, why] of HOPS) {
  Deno.test(`an http context, redirected to ${location} is refused [S41]`, () =>
    withServer(async (site, server) => {
      server.next(answer(302, { location }));
      await assertContextFails(site, server.url, {
        code: 78,
        error: `Cannot fetch "${server.url}": it redirects where it may not: ${why}`,
      });
    }));
}

Deno.test("an http context, redirected to a metadata service is refused before a connection is made [S41]", () =>
  withServer(async (site, server) => {
    server.next(answer(302, { location: "http://169.254.169.254/latest/meta-data" }));
    await assertContextFails(site, server.url, { code: 69, error: /it has a link-local or reserved address/ });
  }));

Deno.test("an http context, that redirects for ever is refused", () =>
  withServer(async (site, server) => {
    server.next(...Array.from({ length: 11 }, () => answer(302, { location: "/again" })));
    await assertContextFails(site, server.url, { code: 78, error: /it redirects more than 10 times$/ });
  }));

Deno.test("an https context, redirected to http is refused", async () => {
  const identity = await createIdentity();
  await using server = await startArchiveServer(contextArchive(), identity);
  await using plain = await startArchiveServer(contextArchive());
  await using site = await startSite();
  const ca = join(site.path, "ca.pem");
  await Deno.writeTextFile(ca, identity.cert);
  server.next(answer(302, { location: plain.url }));
  await assertContextFails(site, server.url, {
    env: { SSL_CERT_FILE: ca },
    code: 78,
    error: /it leads from https to http$/,
  });
  assert.equal(plain.seen.length, 0);
});

Deno.test("an http context, is given up when the build is interrupted", () =>
  withServer(async (site, server) => {
    const asked = Promise.withResolvers<void>();
    server.next((_request, response) => {
      response.writeHead(200, { "content-length": "9999999" });
      response.write(server.served.bytes.subarray(0, 100_000), () => asked.resolve());
    });
    const running = site.start([`--context=${server.url}`, "--no-push"]);
    await asked.promise;
    running.kill("SIGTERM");
    const { code, stderr } = await running.outcome;
    assert.equal(code, 75, stderr);
    await site.assertNothingLeft();
  }));

Deno.test("a Dockerfile behind a URL, is fetched and named without its query", () =>
  withServer(async (site, server) => {
    await site.write({ a: "a" });
    server.next((_request, response) => void response.end("FROM scratch\nCOPY a /q\n"));
    const args = [`--dockerfile=http://me:secret-9@${server.host}/Dockerfile?token=abcdef`];
    assert.deepEqual(await filesFrom(site, site.context, { args }), ["/q"]);
    assert.equal(server.seen[0]?.headers.authorization, basic("me", "secret-9"));
    server.next((_request, response) => void response.end("FROM scratch\nNOPE\n"));
    await Deno.remove(join(site.path, "image"), { recursive: true });
    const { stderr } = await assertContextFails(site, site.context, { args, code: 65, error: /NOPE/ });
    assert.doesNotMatch(stderr, /secret-9|abcdef/);
    assert.match(stderr, new RegExp(`http://${server.host}/Dockerfile`));
  }));

Deno.test("a Dockerfile behind a URL, that is not there is a failure of the Dockerfile", () =>
  withServer(async (site, server) => {
    server.next(answer(404));
    const args = [`--dockerfile=http://${server.host}/Dockerfile`];
    await assertContextFails(site, site.context, { args, code: 65, error: /answered 404 Not Found$/ });
  }));
