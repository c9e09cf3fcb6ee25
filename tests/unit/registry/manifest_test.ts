import assert from "node:assert/strict";
import { KilnError } from "../../../lib/errors.ts";
import { type Digest, parseDigest } from "../../../lib/oci/digest.ts";
import { MEDIA_TYPES } from "../../../lib/oci/media_type.ts";
import type { Reference } from "../../../lib/oci/reference.ts";
import { BlobsUnknownError } from "../../../lib/registry/errors.ts";
import { blobOf, createTestClient, noise, sourceOf, type TestClient } from "../../support/registry_client.ts";
import {
  answer,
  digestOf,
  fail,
  type FaultRegistry,
  type Misbehaviour,
  startFaultRegistry,
} from "../../support/registry_fault.ts";

const SIGNAL = new AbortController().signal;
const OCI = MEDIA_TYPES.oci.manifest;
const MANIFEST = bytesOf({ schemaVersion: 2, mediaType: OCI, layers: [], annotations: { "a": "1" } });
const OTHER = bytesOf({ schemaVersion: 2, mediaType: OCI, layers: [], annotations: { "a": "2" } });

function bytesOf(document: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(document));
}

function digest(bytes: Uint8Array): Digest {
  return parseDigest(digestOf(bytes));
}

interface Stage extends AsyncDisposable {
  readonly registry: FaultRegistry;
  readonly client: TestClient;
  readonly reference: (more?: { tag?: string; digest?: Digest }) => Reference;
}

/** A registry with the manifest under the tag "latest". */
async function stage(options: Parameters<typeof createTestClient>[0] = {}): Promise<Stage> {
  const registry = await startFaultRegistry();
  registry.manifests.set("app:latest", { type: OCI, bytes: MANIFEST });
  registry.manifests.set(`app@${digest(MANIFEST)}`, { type: OCI, bytes: MANIFEST });
  const client = createTestClient(options);
  return {
    registry,
    client,
    reference: (more = { tag: "latest" }) => ({ registry: registry.host, repository: "app", ...more }),
    async [Symbol.asyncDispose](): Promise<void> {
      client.close();
      await registry[Symbol.asyncDispose]();
    },
  };
}

function refusal(kind: string, message: RegExp, hint?: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof KilnError, Deno.inspect(error));
    assert.match(error.message, message);
    assert.equal(error.kind, kind);
    if (hint !== undefined) assert.match(error.hint ?? "", hint);
    return true;
  };
}

function serve(bytes: Uint8Array, headers: Record<string, string>): Misbehaviour {
  return (_request, response) => void response.writeHead(200, headers).end(bytes);
}

Deno.test("manifest() fetches by tag, and tells type, digest and size", async () => {
  await using at = await stage();
  const served = await at.client.manifest(at.reference(), SIGNAL);
  assert.deepEqual(served.descriptor, { mediaType: OCI, digest: digest(MANIFEST), size: MANIFEST.length });
  assert.deepEqual(served.bytes, MANIFEST);
  assert.equal(
    at.registry.seen.at(-1)?.headers.accept,
    [
      "application/vnd.oci.image.manifest.v1+json",
      "application/vnd.docker.distribution.manifest.v2+json",
      "application/vnd.oci.image.index.v1+json",
      "application/vnd.docker.distribution.manifest.list.v2+json",
    ].join(", "),
  );
});

Deno.test("manifest() fetches by digest, also where there is a tag", async () => {
  await using at = await stage();
  const wanted = digest(MANIFEST);
  await at.client.manifest(at.reference({ digest: wanted }), SIGNAL);
  await at.client.manifest(at.reference({ tag: "other", digest: wanted }), SIGNAL);
  assert.deepEqual(at.registry.log().slice(1), [
    `GET /v2/app/manifests/${wanted}`,
    `GET /v2/app/manifests/${wanted}`,
  ]);
});

// S58: what is pinned is what is had. Each of the two fails when its comparison in `fetch_manifest.ts` is left out.
Deno.test("manifest() refuses another manifest than the digest names, whatever the header says", async () => {
  await using at = await stage();
  const wanted = digest(MANIFEST);
  at.registry.next("GET", /manifests/, serve(OTHER, { "content-type": OCI, "docker-content-digest": wanted }));
  await assert.rejects(
    at.client.manifest(at.reference({ digest: wanted }), SIGNAL),
    refusal("integrity", new RegExp(`: what was served has the digest ${digest(OTHER)}$`)),
  );
});

Deno.test("manifest() refuses a manifest by tag whose header names another digest", async () => {
  await using at = await stage();
  const headers = { "content-type": OCI, "docker-content-digest": digest(OTHER) };
  at.registry.next("GET", /manifests/, serve(MANIFEST, headers));
  await assert.rejects(
    at.client.manifest(at.reference(), SIGNAL),
    refusal("integrity", new RegExp(`: it is announced as ${digest(OTHER)} but has the digest ${digest(MANIFEST)}$`)),
  );
});

// S60: documents are capped. With a cap of 4 GiB this fails.
Deno.test("manifest() refuses more than 4 MiB, reading no further", async () => {
  await using at = await stage();
  let sent = 0;
  at.registry.always("GET", /manifests/, (_request, response) => {
    response.writeHead(200, { "content-type": OCI });
    const chunk = new Uint8Array(65536).fill(32);
    const more = (): void => {
      if (response.destroyed) return;
      sent += chunk.length;
      if (response.write(chunk)) setImmediate(more);
      else response.once("drain", more);
    };
    more();
  });
  await assert.rejects(at.client.manifest(at.reference(), SIGNAL), refusal("integrity", /: it is larger than 4 MiB$/));
  assert.ok(sent < 64 * 1024 * 1024);
});

Deno.test("manifest() tries again when the body breaks", async () => {
  await using at = await stage();
  at.registry.next("GET", /manifests/, (_request, response) => {
    response.writeHead(200, { "content-type": OCI, "content-length": MANIFEST.length });
    response.write(MANIFEST.subarray(0, 10), () => void response.socket?.destroy());
  });
  assert.deepEqual((await at.client.manifest(at.reference(), SIGNAL)).bytes, MANIFEST);
});

Deno.test("manifest() takes the media type from the manifest where the server has none of its own", async () => {
  await using at = await stage();
  for (const type of ["application/json", "text/plain; charset=utf-8", "application/octet-stream"]) {
    at.registry.next("GET", /manifests/, serve(MANIFEST, { "content-type": type }));
    assert.equal((await at.client.manifest(at.reference(), SIGNAL)).descriptor.mediaType, OCI);
  }
});

Deno.test("manifest() ignores parameters of the media type", async () => {
  await using at = await stage();
  at.registry.next("GET", /manifests/, serve(MANIFEST, { "content-type": `${OCI.toUpperCase()}; charset=utf-8` }));
  assert.equal((await at.client.manifest(at.reference(), SIGNAL)).descriptor.mediaType, OCI);
});

// F03: something else answers in place of the registry.
const NO_MANIFESTS: readonly (readonly [type: string, body: string, message: RegExp, hint?: RegExp])[] = [
  [
    "text/html; charset=utf-8",
    "<html>log in</html>",
    /answered with "text\/html", not a manifest$/,
    /a proxy or a log-in page/,
  ],
  ["application/json", '{"errors":[]}', /answered with "application\/json", not a manifest$/],
  [
    "application/vnd.oci.image.config.v1+json",
    "{}",
    /answered with "application\/vnd\.oci\.image\.config\.v1\+json", not/,
  ],
  [
    "application/vnd.docker.distribution.manifest.v1+prettyjws",
    "{}",
    /: it has schema version 1, which is no longer supported$/,
  ],
  ["application/vnd.docker.distribution.manifest.v1+json", "{}", /: it has schema version 1/],
  ["", '{"mediaType":"text/x"}', /answered with no media type, not a manifest$/],
];

for (const [type, body, message, hint] of NO_MANIFESTS) {
  Deno.test(`manifest() refuses ${type || "an untyped answer"}`, async () => {
    await using at = await stage();
    at.registry.next(
      "GET",
      /manifests/,
      serve(new TextEncoder().encode(body), type === "" ? {} : { "content-type": type }),
    );
    await assert.rejects(at.client.manifest(at.reference(), SIGNAL), refusal("registry", message, hint));
  });
}

Deno.test("manifest() refuses an untyped answer that is not JSON", async () => {
  await using at = await stage();
  at.registry.next("GET", /manifests/, serve(new TextEncoder().encode("hello"), { "content-type": "text/plain" }));
  await assert.rejects(
    at.client.manifest(at.reference(), SIGNAL),
    /the answer for \/v2\/app\/manifests\/latest: it is not valid JSON$/,
  );
});

Deno.test("manifest() says which tag is not there", async () => {
  await using at = await stage();
  await assert.rejects(
    at.client.manifest(at.reference({ tag: "nope" }), SIGNAL),
    refusal(
      "registry",
      /^Cannot fetch the manifest of (127.0.0.1:[0-9]+)\/app:nope: \1\/app has no tag "nope" \(404: MANIFEST_UNKNOWN: manifest unknown\)$/,
      /^if the image is private, credentials are needed to see it$/,
    ),
  );
});

Deno.test("manifest() says which digest is not there", async () => {
  await using at = await stage();
  const missing = digest(noise(3));
  await assert.rejects(
    at.client.manifest(at.reference({ digest: missing }), SIGNAL),
    refusal("registry", new RegExp(`/app has no manifest ${missing} \\(404`)),
  );
});

Deno.test("manifest() says that there is no such repository", async () => {
  await using at = await stage();
  at.registry.next("GET", /manifests/, fail(404, "NAME_UNKNOWN"));
  await assert.rejects(
    at.client.manifest(at.reference(), SIGNAL),
    refusal("registry", /: there is no repository 127\.0\.0\.1:[0-9]+\/app \(404: NAME_UNKNOWN: name unknown\)$/),
  );
});

// With `escapeControls` left out this fails.
Deno.test("manifest() shows what a registry says, without what could drive a terminal, and not all of it", async () => {
  await using at = await stage();
  const message = `\u001b[31mred\r\nlevel=info forged\u0000${"x".repeat(5000)}`;
  at.registry.next("GET", /manifests/, answer(400, {}, JSON.stringify({ errors: [{ code: "UNSUPPORTED", message }] })));
  await assert.rejects(at.client.manifest(at.reference(), SIGNAL), (error) => {
    assert.ok(error instanceof KilnError);
    assert.match(
      error.message,
      /answered 400 Bad Request: UNSUPPORTED: \\x1b\[31mred\\r\\nlevel=info forged\\x00x+\.\.\.$/,
    );
    assert.ok(error.message.length < 600);
    return true;
  });
});

for (
  const [body, words] of [["<html>", ""], ["plain text", ": plain text"], ['{"message":"m"}', ": m"], [
    '{"errors":[7,null]}',
    "",
  ]] as const
) {
  Deno.test(`manifest() makes the best of the error document ${body}`, async () => {
    await using at = await stage();
    const type = body.startsWith("<") ? "text/html" : "text/plain";
    at.registry.next("GET", /manifests/, answer(400, { "content-type": type }, body));
    await assert.rejects(at.client.manifest(at.reference(), SIGNAL), (error) => {
      assert.ok(error instanceof KilnError);
      assert.ok(error.message.replace(/(?:: |; )+$/, "").endsWith(`answered 400 Bad Request${words}`), error.message);
      return true;
    });
  });
}

Deno.test("manifest() reads no more than 64 KiB of an error document", async () => {
  await using at = await stage();
  at.registry.next("GET", /manifests/, (_request, response) => {
    response.writeHead(400);
    const more = (): void => {
      if (!response.destroyed) response.write("x".repeat(65536), () => void setImmediate(more));
    };
    more();
  });
  await assert.rejects(at.client.manifest(at.reference(), SIGNAL), refusal("registry", /answered 400 Bad Request$/));
});

Deno.test("manifest() reports a redirect of a registry that moved", async () => {
  await using at = await stage();
  at.registry.always("PUT", /manifests/, answer(308, { location: "https://elsewhere.example/v2/" }));
  await assert.rejects(
    at.client.putManifest(at.reference(), OCI, MANIFEST, SIGNAL),
    refusal("registry", /answered 308 Permanent Redirect$/, /^use the address it redirects to as the registry's name$/),
  );
});

// Pushing.
Deno.test("putManifest() stores under the tag, with the media type", async () => {
  await using at = await stage();
  const stored = await at.client.putManifest(at.reference({ tag: "v1" }), OCI, OTHER, SIGNAL);
  assert.deepEqual(stored, { mediaType: OCI, digest: digest(OTHER), size: OTHER.length });
  assert.deepEqual(at.registry.manifests.get("app:v1"), { type: OCI, bytes: OTHER });
});

Deno.test("putManifest() stores under the digest of the bytes where there is no tag", async () => {
  await using at = await stage();
  await at.client.putManifest(at.reference({}), OCI, OTHER, SIGNAL);
  assert.equal(at.registry.log().at(-1), `PUT /v2/app/manifests/${digest(OTHER)}`);
});

for (const status of [429, 500, 502, 503, 504]) {
  Deno.test(`putManifest() tries again after ${status}`, async () => {
    await using at = await stage();
    at.registry.next("PUT", /manifests/, fail(status, "UNAVAILABLE"));
    await at.client.putManifest(at.reference({ tag: "v1" }), OCI, OTHER, SIGNAL);
    assert.ok(at.registry.manifests.has("app:v1"));
  });
}

// F10: a registry that forgot blobs.
Deno.test("putManifest() names the blobs that the registry misses", async () => {
  await using at = await stage();
  const [layer, config] = [digest(noise(1)), digest(noise(2))];
  const bytes = bytesOf({ schemaVersion: 2, config: { digest: config }, layers: [{ digest: layer }] });
  await assert.rejects(at.client.putManifest(at.reference(), OCI, bytes, SIGNAL), (error) => {
    assert.ok(error instanceof BlobsUnknownError && error.kind === "registry");
    assert.deepEqual(error.unknownBlobs, [config, layer]);
    assert.match(
      error.message,
      /^Cannot push the manifest to .*\/app:latest: ".*" answered 404 Not Found: MANIFEST_BLOB_UNKNOWN: /,
    );
    return true;
  });
});

for (
  const [detail, named] of [["DIGEST", true], [{ Digest: "DIGEST" }, true], [undefined, false], ["?", false]] as const
) {
  Deno.test(`putManifest() reads the detail ${JSON.stringify(detail)} of a missing blob`, async () => {
    await using at = await stage();
    const missing = digest(noise(1));
    const text = JSON.stringify({ errors: [{ code: "BLOB_UNKNOWN", detail }] }).replace("DIGEST", missing);
    at.registry.next("PUT", /manifests/, answer(400, {}, text));
    const bytes = bytesOf({ schemaVersion: 2, layers: [{ digest: digest(noise(2)) }] });
    await assert.rejects(at.client.putManifest(at.reference(), OCI, bytes, SIGNAL), (error) => {
      assert.ok(error instanceof BlobsUnknownError);
      assert.deepEqual(error.unknownBlobs, named ? [missing] : [digest(noise(2))], "all of them, if it does not say");
      return true;
    });
  });
}

// With `misreported` ignored this fails.
Deno.test("putBlob() sends a blob that the registry says it has, once a manifest was refused for lack of it", async () => {
  await using at = await stage();
  const layer = noise(1000);
  const repository = { registry: at.registry.host, repository: "app" };
  const put = () => at.client.putBlob(repository, blobOf(layer), sourceOf(layer), SIGNAL);
  at.registry.always("HEAD", /blobs/, answer(200));
  assert.equal(await put(), "present");
  const bytes = bytesOf({ schemaVersion: 2, layers: [{ digest: digest(layer) }] });
  await assert.rejects(at.client.putManifest(at.reference({ tag: "v1" }), OCI, bytes, SIGNAL), BlobsUnknownError);
  assert.equal(await put(), "uploaded");
  await at.client.putManifest(at.reference({ tag: "v1" }), OCI, bytes, SIGNAL);
});

// F11: a registry that answers with another digest.
Deno.test("putManifest() looks again when the registry names another digest, and believes the bytes", async () => {
  await using at = await stage();
  at.registry.next("PUT", /manifests/, async (request, response) => {
    at.registry.manifests.set("app:v1", { type: OCI, bytes: await request.body() });
    response.writeHead(201, { "docker-content-digest": digest(MANIFEST) }).end();
  });
  const stored = await at.client.putManifest(at.reference({ tag: "v1" }), OCI, OTHER, SIGNAL);
  assert.equal(stored.digest, digest(OTHER));
});

Deno.test("putManifest() refuses a registry that stored another manifest", async () => {
  await using at = await stage();
  at.registry.next("PUT", /manifests/, answer(201, { "docker-content-digest": digest(MANIFEST) }));
  await assert.rejects(
    at.client.putManifest(at.reference(), OCI, OTHER, SIGNAL),
    refusal("integrity", new RegExp(`: the registry stored ${digest(MANIFEST)} in place of ${digest(OTHER)}$`)),
  );
});

Deno.test("putManifest() does not need the digest header", async () => {
  await using at = await stage();
  at.registry.next("PUT", /manifests/, answer(201));
  assert.equal((await at.client.putManifest(at.reference(), OCI, OTHER, SIGNAL)).digest, digest(OTHER));
});

// F12: immutable tags.
const IMMUTABLE: readonly (readonly [status: number, code: string, message: string])[] = [
  [
    400,
    "TAG_INVALID",
    "The image tag 'latest' already exists in the 'app' repository and cannot be overwritten because the tag is immutable.",
  ],
  [400, "MANIFEST_INVALID", "The repository has enabled tag immutability"],
  [412, "PRECONDITION", "configured as immutable, cannot be updated"],
  [
    409,
    "",
    "manifest is write protected: The operation is disallowed on this registry, repository or image. Write operations are disabled",
  ],
  [403, "DENIED", "tag is immutable"],
];

for (const [status, code, message] of IMMUTABLE) {
  const refuse = answer(status, {}, JSON.stringify({ errors: [{ code, message }] }));
  Deno.test(`putManifest() is content with an immutable tag (${status} ${code}) that has the manifest already`, async () => {
    await using at = await stage();
    at.registry.next("PUT", /manifests/, refuse);
    const stored = await at.client.putManifest(at.reference(), OCI, MANIFEST, SIGNAL);
    assert.equal(stored.digest, digest(MANIFEST));
  });

  Deno.test(`putManifest() says that a tag is immutable (${status} ${code})`, async () => {
    await using at = await stage();
    at.registry.next("PUT", /manifests/, refuse);
    await assert.rejects(
      at.client.putManifest(at.reference(), OCI, OTHER, SIGNAL),
      refusal(
        "denied",
        /: the tag "latest" exists and may not be changed \([0-9]{3}: .+\)$/,
        /^push under another tag$/,
      ),
    );
  });
}

Deno.test("putManifest() shows why a manifest is refused", async () => {
  await using at = await stage();
  at.registry.next(
    "PUT",
    /manifests/,
    answer(400, {}, '{"errors":[{"code":"MANIFEST_INVALID","message":"no zstd here"}]}'),
  );
  await assert.rejects(
    at.client.putManifest(at.reference(), OCI, OTHER, SIGNAL),
    refusal("registry", /answered 400 Bad Request: MANIFEST_INVALID: no zstd here$/),
  );
});
