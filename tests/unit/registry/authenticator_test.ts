import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { KilnError } from "../../../lib/errors.ts";
import { MEDIA_TYPES } from "../../../lib/oci/media_type.ts";
import type { Credential, CredentialSource } from "../../../lib/registry/credentials/credential.ts";
import { blobOf, createTestClient, noise, sourceOf, type TestClient, user } from "../../support/registry_client.ts";
import { fail, type FaultRegistry, startFaultRegistry } from "../../support/registry_fault.ts";
import { type Handler, startServer, type TestServer } from "../../support/registry_server.ts";

const SIGNAL = new AbortController().signal;
const BASIC = `Basic ${btoa("me:hunter2")}`;
const BYTES = noise(1000);

interface Stage extends AsyncDisposable {
  readonly registry: FaultRegistry;
  readonly tokens: TestServer;
  readonly client: TestClient;
  /** Which `Authorization` values the registry accepts. */
  readonly accepted: Set<string>;
  readonly pull: (repository?: string) => Promise<unknown>;
  readonly push: (repository?: string) => Promise<unknown>;
}

interface StageOptions {
  readonly credentials?: CredentialSource;
  /** The challenge; "REALM" stands for the token service. */
  readonly challenge?: string;
  readonly tokens?: Handler;
  readonly client?: Parameters<typeof createTestClient>[0];
}

const BEARER = 'Bearer realm="REALM",service="reg",scope="repository:whatever:pull"';

/** A registry that wants to be asked with what is in `accepted`, and a token service. */
async function stage(options: StageOptions = {}): Promise<Stage> {
  const registry = await startFaultRegistry();
  let issued = 0;
  const accepted = new Set<string>();
  const tokens = await startServer(
    options.tokens ?? (async (request, response) => {
      await request.body();
      const token = `token-${++issued}`;
      accepted.add(`Bearer ${token}`);
      json(response, { token, expires_in: 300 });
    }),
  );
  const challenge = (options.challenge ?? BEARER).replace("REALM", `http://${tokens.host}/token?account=x`);
  for (const method of ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH"]) {
    registry.always(method, /./, async (request, response, proceed) => {
      if (accepted.has(request.headers.authorization ?? "")) return await proceed();
      await request.body();
      response.writeHead(401, { "www-authenticate": challenge }).end('{"errors":[{"code":"UNAUTHORIZED"}]}');
    });
  }
  for (const repository of ["app", "other"]) {
    registry.manifests.set(`${repository}:latest`, {
      type: MEDIA_TYPES.oci.manifest,
      bytes: new TextEncoder().encode("{}"),
    });
  }
  const client = createTestClient({
    ...(options.credentials === undefined ? {} : { credentials: options.credentials }),
    ...options.client,
  });
  const at = (repository: string) => ({ registry: registry.host, repository });
  return {
    registry,
    tokens,
    client,
    accepted,
    pull: (repository = "app") => client.manifest({ ...at(repository), tag: "latest" }, SIGNAL),
    push: (repository = "app") => client.putBlob(at(repository), blobOf(BYTES), sourceOf(BYTES), SIGNAL),
    async [Symbol.asyncDispose](): Promise<void> {
      client.close();
      await registry[Symbol.asyncDispose]();
      await tokens[Symbol.asyncDispose]();
    },
  };
}

function json(response: ServerResponse, document: unknown, status = 200): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(document));
}

/** Finds these credentials one after the other, the last one for ever. */
function oneAfterTheOther(...credentials: readonly Credential[]): CredentialSource & { asked: number } {
  return {
    name: "test",
    asked: 0,
    find(): ReturnType<CredentialSource["find"]> {
      const credential = credentials[Math.min(this.asked++, credentials.length - 1)];
      return Promise.resolve(credential === undefined ? undefined : { credential, origin: "the test" });
    },
  };
}

function tokenQueries({ tokens }: Stage): readonly string[] {
  return tokens.seen.map(({ method, path }) => `${method} ${decodeURIComponent(path)}`);
}

function denied(message: RegExp, hint?: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof KilnError && error.kind === "denied", Deno.inspect(error));
    assert.match(error.message, message);
    if (hint !== undefined) assert.match(error.hint ?? "", hint);
    assert.ok(!Deno.inspect(error, { depth: 20 }).includes("hunter2"), "a secret is shown");
    assert.ok(!Deno.inspect(error, { depth: 20 }).includes(BASIC), "a secret is shown");
    return true;
  };
}

Deno.test("the client sends no credentials, and looks for none, until it is asked", async () => {
  const credentials = user("me", "hunter2");
  await using registry = await startFaultRegistry();
  registry.manifests.set("app:latest", { type: MEDIA_TYPES.oci.manifest, bytes: new TextEncoder().encode("{}") });
  using client = createTestClient({ credentials });
  await client.manifest({ registry: registry.host, repository: "app", tag: "latest" }, SIGNAL);
  assert.deepEqual(credentials.asked, []);
  assert.ok(registry.seen.every(({ headers }) => headers.authorization === undefined));
});

Deno.test("the client logs in with user and password, and looks them up once per repository", async () => {
  const credentials = user("me", "hunter2");
  await using at = await stage({ credentials, challenge: 'Basic realm="r"' });
  at.accepted.add(BASIC);
  await at.pull();
  await at.pull();
  await at.push();
  await at.pull("other");
  const host = at.registry.host;
  assert.deepEqual(credentials.asked, [`${host}/app`, `${host}/app`, `${host}/other`], "once to pull, once to push");
  assert.equal(at.registry.seen.filter(({ headers }) => headers.authorization === undefined).length, 1);
});

Deno.test("the client gets a token with user and password, for the scope it needs", async () => {
  await using at = await stage({ credentials: user("me", "hunter2") });
  await at.pull();
  await at.pull();
  assert.deepEqual(tokenQueries(at), ["GET /token?account=x&service=reg&scope=repository:app:pull"]);
  assert.equal(at.tokens.seen[0]?.headers.authorization, BASIC);
  await at.push();
  assert.equal(tokenQueries(at)[1], "GET /token?account=x&service=reg&scope=repository:app:pull,push");
  assert.ok(at.registry.seen.every(({ headers }) => headers.authorization !== BASIC), "the registry gets tokens only");
});

Deno.test("the client gets an anonymous token where it has no credentials", async () => {
  await using at = await stage();
  await at.pull();
  assert.equal(at.tokens.seen[0]?.headers.authorization, undefined);
});

Deno.test("the client asks for both scopes to mount a blob", async () => {
  await using at = await stage({ credentials: user("me", "hunter2") });
  at.registry.addBlob("base", BYTES);
  const held = { registry: at.registry.host, repository: "base" };
  const source = { ...sourceOf(BYTES), heldBy: [held] };
  assert.equal(await at.client.putBlob({ ...held, repository: "app" }, blobOf(BYTES), source, SIGNAL), "mounted");
  assert.equal(
    tokenQueries(at).at(-1),
    "GET /token?account=x&service=reg&scope=repository:app:pull,push&scope=repository:base:pull",
  );
});

Deno.test("the client uploads when the token service refuses the scopes of a mount", async () => {
  await using at = await stage({
    credentials: user("me", "hunter2"),
    tokens: (request, response) => {
      if (request.path.includes("base")) return json(response, { details: "no" }, 403);
      at.accepted.add("Bearer t");
      json(response, { token: "t" });
    },
  });
  const held = { registry: at.registry.host, repository: "base" };
  const source = { ...sourceOf(BYTES), heldBy: [held] };
  assert.equal(await at.client.putBlob({ ...held, repository: "app" }, blobOf(BYTES), source, SIGNAL), "uploaded");
});

Deno.test("the client changes an identity token for an access token", async () => {
  const source = oneAfterTheOther({ kind: "identity token", token: "hunter2" });
  await using at = await stage({
    credentials: source,
    tokens: (_request, response) => {
      at.accepted.add("Bearer changed");
      json(response, { access_token: "changed" });
    },
  });
  await at.pull();
  const [seen] = at.tokens.seen;
  assert.deepEqual([seen?.method, seen?.path], ["POST", "/token?account=x"]);
  assert.equal(seen?.headers["content-type"], "application/x-www-form-urlencoded");
  assert.deepEqual(Object.fromEntries(new URLSearchParams(new TextDecoder().decode(await seen?.body()))), {
    grant_type: "refresh_token",
    client_id: "kiln",
    refresh_token: "hunter2",
    service: "reg",
    scope: "repository:app:pull",
  });
});

Deno.test("the client sends a registry token as it is", async () => {
  await using at = await stage({ credentials: oneAfterTheOther({ kind: "registry token", token: "ready" }) });
  at.accepted.add("Bearer ready");
  await at.pull();
  assert.deepEqual(at.tokens.seen, []);
});

Deno.test("the client asks for a token once for requests at the same time", async () => {
  await using at = await stage({ credentials: user("me", "hunter2") });
  await Promise.all([at.pull(), at.pull(), at.pull(), at.pull()]);
  assert.equal(at.tokens.seen.length, 1);
});

// F13: tokens that expire.
Deno.test("the client replaces a token before it expires", async () => {
  await using at = await stage({ credentials: user("me", "hunter2") });
  await at.pull();
  at.client.clock.advance(269_000);
  await at.pull();
  assert.equal(at.tokens.seen.length, 1);
  at.client.clock.advance(2_000);
  await at.pull();
  assert.equal(at.tokens.seen.length, 2, "30 s before its end");
  assert.equal(at.registry.seen.filter(({ headers }) => headers.authorization === undefined).length, 1);
});

Deno.test("the client takes a token of unnamed lifetime to be good for a minute", async () => {
  await using at = await stage({
    tokens: (_request, response) => {
      at.accepted.add("Bearer t");
      json(response, { token: "t" });
    },
  });
  await at.pull();
  at.client.clock.advance(47_000);
  await at.pull();
  assert.equal(at.tokens.seen.length, 1);
  at.client.clock.advance(2_000);
  await at.pull();
  assert.equal(at.tokens.seen.length, 2);
});

Deno.test("the client logs in again when the registry drops a token early", async () => {
  const credentials = user("me", "hunter2");
  await using at = await stage({ credentials });
  await at.pull();
  at.accepted.clear();
  await at.pull();
  assert.equal(at.tokens.seen.length, 2);
  assert.equal(credentials.asked.length, 2, "looked up anew");
});

Deno.test("the client logs in again in the middle of an upload, and sends the blob again", async () => {
  await using at = await stage({ credentials: user("me", "hunter2") });
  const bytes = noise(200_000);
  const source = sourceOf(bytes);
  const repository = { registry: at.registry.host, repository: "app" };
  const pushing = at.client.putBlob(repository, blobOf(bytes), {
    async *open(offset?: number): AsyncGenerator<Uint8Array> {
      // The token expires while the blob is on its way.
      if (source.opened.length === 0) at.accepted.clear();
      yield* source.open(offset);
    },
  }, SIGNAL);
  assert.equal(await pushing, "uploaded");
  assert.deepEqual(source.opened, [0, 0]);
});

Deno.test("the client gives up when a new token is refused as well, and does not loop", async () => {
  let issued = 0;
  await using at = await stage({
    credentials: user("me", "hunter2"),
    tokens: (_request, response) => json(response, { token: `no-good-${++issued}` }),
  });
  await assert.rejects(
    at.pull(),
    denied(
      /^Cannot fetch the manifest of (127\.0\.0\.1:[0-9]+)\/app:latest: "\1" does not allow it with the credentials from the test \(401 Unauthorized\): UNAUTHORIZED$/,
      /^check that they are right and allow this, or that the name of the repository is$/,
    ),
  );
  assert.equal(issued, 2);
  assert.equal(at.registry.seen.filter(({ path }) => path.includes("manifests")).length, 2);
});

// With `renew` returning also what was refused before this fails.
Deno.test("the client does not send a token again that was refused, when it is given the same one", async () => {
  await using at = await stage({ tokens: (_request, response) => json(response, { token: "no-good" }) });
  await assert.rejects(at.pull(), denied(/\(401 Unauthorized\)/));
  assert.equal(at.registry.seen.filter(({ path }) => path.includes("manifests")).length, 1);
});

Deno.test("the client tries rotated credentials when the token service refuses the old ones", async () => {
  const basic = (password: string): Credential => ({ kind: "basic", username: "me", password });
  await using at = await stage({
    credentials: oneAfterTheOther(basic("old"), basic("new")),
    tokens: (request, response) => {
      if (request.headers.authorization !== `Basic ${btoa("me:new")}`) return json(response, {}, 401);
      at.accepted.add("Bearer t");
      json(response, { token: "t" });
    },
  });
  await at.pull();
  assert.equal(at.tokens.seen.length, 2);
});

Deno.test("the client asks again once when a token service refuses what it took before", async () => {
  let asked = 0;
  await using at = await stage({
    credentials: user("me", "hunter2"),
    tokens: (_request, response) => {
      if (++asked === 2) return json(response, {}, 401);
      at.accepted.add(`Bearer t${asked}`);
      json(response, { token: `t${asked}` });
    },
  });
  await at.pull();
  at.accepted.clear();
  await at.pull();
  assert.equal(asked, 3);
});

Deno.test("the client says that the token service refuses the credentials", async () => {
  await using at = await stage({
    credentials: user("me", "hunter2"),
    tokens: (_request, response) => json(response, { details: "incorrect username or password" }, 401),
  });
  await assert.rejects(
    at.pull(),
    denied(
      /"127\.0\.0\.1:[0-9]+" does not allow it with the credentials from the test \(401 Unauthorized\): incorrect username or password$/,
    ),
  );
  assert.equal(at.tokens.seen.length, 1);
});

Deno.test("the client tries again when the token service is unavailable", async () => {
  let asked = 0;
  await using at = await stage({
    tokens: (request, response) => {
      asked++;
      if (asked < 3) return void fail(503, "UNAVAILABLE")(request, response, () => Promise.resolve());
      at.accepted.add("Bearer t");
      json(response, { token: "t" });
    },
  });
  await at.pull();
  assert.equal(asked, 3);
});

// With the cap (S60) or the check of the token's characters left out their cases fail.
const NO_TOKENS: readonly (readonly [name: string, handler: Handler, message: RegExp])[] = [
  ["HTML", (_request, response) => void response.end("<html>"), /is not a JSON object$/],
  ["no token", (_request, response) => json(response, { expires_in: 60 }), /has no usable token$/],
  [
    "a token that would split the header",
    (_request, response) => json(response, { token: "a\r\nX-Evil: 1" }),
    /has no usable token$/,
  ],
  ["1 MiB", (_request, response) => json(response, { token: "x".repeat(1024 * 1024) }), /is longer than 64 KiB$/],
];

for (const [name, handler, message] of NO_TOKENS) {
  Deno.test(`the client refuses a token service that answers with ${name}`, async () => {
    await using at = await stage({ tokens: handler });
    await assert.rejects(at.pull(), (error) => {
      assert.ok(error instanceof KilnError && error.kind === "registry", Deno.inspect(error));
      assert.match(error.message, /^Cannot log in: the answer of the token service "127\.0\.0\.1:[0-9]+" /);
      assert.match(error.message, message);
      return true;
    });
  });
}

// S55: a token service that redirects could lead anywhere. With every status below 400 taken for an answer this fails.
Deno.test("the client does not follow a redirect of the token service", async () => {
  await using attacker = await startServer((_request, response) => json(response, { token: "t" }));
  await using at = await stage({
    credentials: user("me", "hunter2"),
    tokens: (_request, response) => void response.writeHead(307, { location: `http://${attacker.host}/` }).end(),
  });
  await assert.rejects(at.pull(), /answered 307 Temporary Redirect$/);
  assert.deepEqual(attacker.seen, []);
});

// S51: hostile realms. With the refusal of near addresses left out of `judge` these fail.
for (
  const [realm, why] of [
    ["http://169.254.169.254/token", "it is an address inside a network"],
    ["https://10.0.0.1/token", "it is an address inside a network"],
    ["http://u:p@127.0.0.1:1/token", "it has a user or password in it"],
    ["/token", "it is not a URL"],
    ["gopher://127.0.0.1/", "it is neither https nor http"],
  ] as const
) {
  Deno.test(`the client does not go to the realm ${realm}`, async () => {
    await using at = await stage({
      credentials: user("me", "hunter2"),
      challenge: `Bearer realm="${realm}",service="s"`,
    });
    await assert.rejects(
      at.pull(),
      denied(new RegExp(`^Cannot log in to "127\\.0\\.0\\.1:[0-9]+": it sends us to "[^"]+" for a token, but ${why}$`)),
    );
  });
}

/** Plain http hosts by name: a proxy that is all of them. */
async function startHosts(hosts: Readonly<Record<string, Handler>>): Promise<TestServer> {
  return await startServer((request, response) => {
    const handler = request.path.startsWith("/") ? undefined : hosts[new URL(request.path).host];
    return handler === undefined ? void response.writeHead(502).end() : handler(request, response);
  });
}

/** A registry "registry.example" whose realm is on a host that has nothing to do with it. */
function strangeRealm(challenge: string, seen: string[], accepted: string): Record<string, Handler> {
  return {
    "registry.example": (request, response) => {
      const { authorization } = request.headers;
      seen.push(`registry ${authorization}`);
      if (authorization === accepted) {
        return void response.writeHead(200, { "content-type": MEDIA_TYPES.oci.manifest }).end("{}");
      }
      response.writeHead(401, { "www-authenticate": challenge }).end();
    },
    "auth.attacker.test": (request, response) => {
      seen.push(`attacker ${request.headers.authorization}`);
      json(response, { token: "anonymous" });
    },
  };
}

const STRANGE = 'Bearer realm="http://auth.attacker.test/token",service="s"';
const TAG = { registry: "registry.example", repository: "app", tag: "latest" };

for (const kind of ["basic", "identity token"] as const) {
  Deno.test(`the client gives its ${kind} to no realm it does not know, and asks that one anonymously`, async () => {
    const seen: string[] = [];
    await using hosts = await startHosts(strangeRealm(STRANGE, seen, "Bearer anonymous"));
    const credential: Credential = kind === "basic"
      ? { kind, username: "me", password: "hunter2" }
      : { kind, token: "hunter2" };
    using client = createTestClient({
      insecureRegistries: new Set(["registry.example"]),
      environment: () => `http://${hosts.host}`,
      credentials: oneAfterTheOther(credential),
    });
    await client.manifest(TAG, SIGNAL);
    assert.deepEqual(seen, ["registry undefined", "attacker undefined", "registry Bearer anonymous"]);
    assert.ok(hosts.seen.every(({ headers }) => !JSON.stringify(headers).includes("hunter2")));
  });
}

Deno.test("the client says why it did not send credentials when an anonymous token does not do", async () => {
  await using hosts = await startHosts(strangeRealm(STRANGE, [], "nothing"));
  using client = createTestClient({
    insecureRegistries: new Set(["registry.example"]),
    environment: () => `http://${hosts.host}`,
    credentials: user("me", "hunter2"),
  });
  await assert.rejects(
    client.manifest(TAG, SIGNAL),
    denied(
      /"registry\.example" does not allow it without credentials, and none were sent \(401 Unauthorized\)$/,
      /^the credentials from the test were not sent: "registry\.example" wants tokens from "auth\.attacker\.test", which is not known to belong to it$/,
    ),
  );
});

Deno.test("the client gives its credentials to a realm the user approved", async () => {
  const seen: string[] = [];
  await using hosts = await startHosts(strangeRealm(STRANGE, seen, "Bearer anonymous"));
  using client = createTestClient({
    insecureRegistries: new Set(["registry.example"]),
    environment: () => `http://${hosts.host}`,
    credentials: user("me", "hunter2"),
    trustedRealms: ["auth.attacker.test"],
  });
  await client.manifest(TAG, SIGNAL);
  assert.equal(seen[1], `attacker ${BASIC}`);
});

Deno.test("the client sends user and password to a registry that takes them and names a strange realm as well", async () => {
  const seen: string[] = [];
  await using hosts = await startHosts(strangeRealm(`${STRANGE}, Basic realm="r"`, seen, BASIC));
  using client = createTestClient({
    insecureRegistries: new Set(["registry.example"]),
    environment: () => `http://${hosts.host}`,
    credentials: user("me", "hunter2"),
  });
  await client.manifest(TAG, SIGNAL);
  assert.deepEqual(seen, ["registry undefined", "attacker undefined", `registry ${BASIC}`]);
});

Deno.test("the client says that credentials are wanted and none were found", async () => {
  await using at = await stage({ challenge: 'Basic realm="r"' });
  await assert.rejects(
    at.pull(),
    denied(
      /"127\.0\.0\.1:[0-9]+" does not allow it without credentials, and none were sent \(401 Unauthorized\): UNAUTHORIZED$/,
      /^add credentials for "127\.0\.0\.1:[0-9]+" to config\.json in \$DOCKER_CONFIG or to DOCKER_AUTH_CONFIG$/,
    ),
  );
});

Deno.test("the client says that user and password are refused", async () => {
  await using at = await stage({ credentials: user("me", "hunter2"), challenge: 'Basic realm="r"' });
  await assert.rejects(at.pull(), denied(/does not allow it with the credentials from the test \(401 Unauthorized\)/));
});

for (
  const challenge of ['Digest realm="r"', "nonsense", 'Bearer service="no realm"', `Bearer realm="${"x".repeat(9000)}"`]
) {
  Deno.test(`the client gives up a challenge it cannot answer: ${challenge.slice(0, 30)}`, async () => {
    await using at = await stage({ credentials: user("me", "hunter2"), challenge });
    await assert.rejects(at.pull(), denied(/\(401 Unauthorized\)/));
    assert.deepEqual(at.tokens.seen, []);
  });
}

Deno.test("the client passes on what a source of credentials reports", async () => {
  const failure = new KilnError("denied", 'Cannot get credentials for "x" from docker-credential-y: it did not end');
  await using at = await stage({ credentials: { name: "y", find: () => Promise.reject(failure) } });
  await assert.rejects(at.pull(), failure);
});
