/**
 * The registry client against a real registry: Debian's docker-registry.
 *
 * @module
 */
import assert from "node:assert/strict";
import { KilnError } from "../../lib/errors.ts";
import type { Descriptor } from "../../lib/oci/descriptor.ts";
import { digestOf } from "../../lib/oci/digest.ts";
import { MEDIA_TYPES } from "../../lib/oci/media_type.ts";
import { BlobsUnknownError } from "../../lib/registry/errors.ts";
import type { Registry } from "../../lib/registry/registry.ts";
import { blobOf, createTestClient, noise, readAll, sourceOf, user } from "../support/registry_client.ts";
import {
  skopeo,
  startBasicRegistry,
  startDebianRegistry,
  startGate,
  startRelay,
  startTokenRegistry,
} from "../support/registry_debian.ts";

const SIGNAL = new AbortController().signal;
const LAYER = noise(3_000_000);
const CONFIG = encode({ architecture: "amd64", os: "linux", rootfs: { type: "layers", diff_ids: [] } });

function encode(document: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(document));
}

function manifestOf(layers: readonly Descriptor[]): Uint8Array {
  const config = { mediaType: MEDIA_TYPES.oci.config, digest: digestOf(CONFIG), size: CONFIG.length };
  return encode({ schemaVersion: 2, mediaType: MEDIA_TYPES.oci.manifest, config, layers });
}

const MANIFEST = manifestOf([blobOf(LAYER)]);

/** Pushes the blobs and the manifest. */
async function pushImage(client: Registry, host: string, { repository = "app", tag = "v1" } = {}): Promise<void> {
  const at = { registry: host, repository };
  for (const bytes of [LAYER, CONFIG]) await client.putBlob(at, blobOf(bytes), sourceOf(bytes), SIGNAL);
  await client.putManifest({ ...at, tag }, MEDIA_TYPES.oci.manifest, MANIFEST, SIGNAL);
}

Deno.test("registry: an image that was pushed comes back as it was, by tag and by digest", async () => {
  await using registry = await startDebianRegistry();
  using client = createTestClient();
  await pushImage(client, registry.host);
  const at = { registry: registry.host, repository: "app" };
  const byTag = await client.manifest({ ...at, tag: "v1" }, SIGNAL);
  assert.deepEqual(byTag.bytes, MANIFEST);
  assert.deepEqual(byTag.descriptor, {
    mediaType: MEDIA_TYPES.oci.manifest,
    digest: digestOf(MANIFEST),
    size: MANIFEST.length,
  });
  assert.deepEqual((await client.manifest({ ...at, digest: digestOf(MANIFEST) }, SIGNAL)).bytes, MANIFEST);
  assert.deepEqual(await readAll(client.blob(at, blobOf(LAYER), SIGNAL)), LAYER);
  assert.deepEqual(client.messages, []);
});

Deno.test("registry: skopeo reads what was pushed", async () => {
  await using registry = await startDebianRegistry();
  using client = createTestClient();
  await pushImage(client, registry.host);
  const raw = await skopeo("inspect", "--tls-verify=false", "--raw", `docker://${registry.host}/app:v1`);
  assert.equal(raw.trim(), new TextDecoder().decode(MANIFEST));
});

Deno.test("registry: a manifest can be stored by its digest alone", async () => {
  await using registry = await startDebianRegistry();
  using client = createTestClient();
  await pushImage(client, registry.host);
  const at = { registry: registry.host, repository: "app" };
  const bytes = manifestOf([]);
  await client.putManifest(at, MEDIA_TYPES.oci.manifest, bytes, SIGNAL);
  assert.deepEqual((await client.manifest({ ...at, digest: digestOf(bytes) }, SIGNAL)).bytes, bytes);
});

Deno.test("registry: a blob is sent once, then it is present, then it is mounted", async () => {
  await using registry = await startDebianRegistry();
  using client = createTestClient();
  const put = (repository: string) => {
    const heldBy = [{ registry: registry.host, repository: "first" }];
    const at = { registry: registry.host, repository };
    return client.putBlob(at, blobOf(LAYER), { ...sourceOf(LAYER), heldBy }, SIGNAL);
  };
  assert.deepEqual([await put("first"), await put("first"), await put("second")], ["uploaded", "present", "mounted"]);
  const second = { registry: registry.host, repository: "second" };
  assert.deepEqual(await readAll(client.blob(second, blobOf(LAYER), SIGNAL)), LAYER);
});

Deno.test("registry: a blob that is not where it was said to be is sent after all", async () => {
  await using registry = await startDebianRegistry();
  using client = createTestClient();
  const heldBy = [{ registry: registry.host, repository: "nowhere" }];
  const at = { registry: registry.host, repository: "app" };
  assert.equal(await client.putBlob(at, blobOf(LAYER), { ...sourceOf(LAYER), heldBy }, SIGNAL), "uploaded");
});

Deno.test("registry: an empty blob goes there and back", async () => {
  await using registry = await startDebianRegistry();
  using client = createTestClient();
  const at = { registry: registry.host, repository: "app" };
  const empty = new Uint8Array();
  await client.putBlob(at, blobOf(empty), sourceOf(empty), SIGNAL);
  assert.equal((await readAll(client.blob(at, blobOf(empty), SIGNAL))).length, 0);
});

Deno.test("registry: what is not there is named", async () => {
  await using registry = await startDebianRegistry();
  using client = createTestClient();
  const at = { registry: registry.host, repository: "app" };
  await assert.rejects(
    client.manifest({ ...at, tag: "nope" }, SIGNAL),
    /\/app has no tag "nope" \(404: MANIFEST_UNKNOWN: /,
  );
  const missing = digestOf(noise(9));
  await assert.rejects(
    client.manifest({ ...at, digest: missing }, SIGNAL),
    new RegExp(`/app has no manifest ${missing}`),
  );
  await assert.rejects(readAll(client.blob(at, blobOf(LAYER), SIGNAL)), /does not have it \(404\): BLOB_UNKNOWN: /);
});

Deno.test("registry: blobs that a manifest lacks are named", async () => {
  await using registry = await startDebianRegistry();
  using client = createTestClient();
  const reference = { registry: registry.host, repository: "app", tag: "v1" };
  await client.putBlob(reference, blobOf(CONFIG), sourceOf(CONFIG), SIGNAL);
  const pushing = client.putManifest(reference, MEDIA_TYPES.oci.manifest, MANIFEST, SIGNAL);
  await assert.rejects(pushing, (error) => {
    assert.ok(error instanceof BlobsUnknownError, Deno.inspect(error));
    assert.deepEqual(error.unknownBlobs, [digestOf(LAYER)]);
    return true;
  });
});

Deno.test("registry: a download that breaks is taken up where it broke", async () => {
  await using registry = await startDebianRegistry();
  using client = createTestClient();
  await pushImage(client, registry.host);
  // The first connection carries the ping as well.
  await using relay = await startRelay(registry.host, [{ down: 1_000_000 }, { down: 700_000 }]);
  const at = { registry: relay.host, repository: "app" };
  assert.deepEqual(await readAll(client.blob(at, blobOf(LAYER), SIGNAL)), LAYER);
  assert.equal(relay.connections(), 3);
  assert.equal(client.messages.length, 2);
});

Deno.test("registry: an upload that breaks is finished", async () => {
  await using registry = await startDebianRegistry();
  using client = createTestClient();
  await using relay = await startRelay(registry.host, [{ up: 1_000_000 }]);
  const at = { registry: relay.host, repository: "app" };
  const source = sourceOf(LAYER);
  assert.equal(await client.putBlob(at, blobOf(LAYER), source, SIGNAL), "uploaded");
  assert.deepEqual(await readAll(client.blob({ ...at, registry: registry.host }, blobOf(LAYER), SIGNAL)), LAYER);
  assert.equal(source.opened.length, 2);
});

Deno.test("registry: a chunk that breaks is finished, and so is the upload", async () => {
  await using registry = await startDebianRegistry();
  using client = createTestClient();
  await using gate = await startGate(registry.host, 1_000_000);
  await using relay = await startRelay(gate.host, [{}, { up: 700_000 }, { up: 300_000 }]);
  const at = { registry: relay.host, repository: "app" };
  assert.equal(await client.putBlob(at, blobOf(LAYER), sourceOf(LAYER), SIGNAL), "uploaded");
  assert.deepEqual(await readAll(client.blob({ ...at, registry: registry.host }, blobOf(LAYER), SIGNAL)), LAYER);
});

Deno.test("registry: a blob that a gateway finds too large goes through in chunks", async () => {
  await using registry = await startDebianRegistry();
  using client = createTestClient();
  await using gate = await startGate(registry.host, 1_000_000);
  const at = { registry: gate.host, repository: "app" };
  assert.equal(await client.putBlob(at, blobOf(LAYER), sourceOf(LAYER), SIGNAL), "uploaded");
  assert.deepEqual(await readAll(client.blob(at, blobOf(LAYER), SIGNAL)), LAYER);
  assert.deepEqual(client.messages, [], "nothing had to be tried again");
});

Deno.test("registry: a push can be checked before there is anything to push", async () => {
  await using registry = await startDebianRegistry();
  using client = createTestClient();
  await client.checkPush({ registry: registry.host, repository: "app" }, SIGNAL);
});

Deno.test("registry: user and password let in", async () => {
  await using registry = await startBasicRegistry();
  using client = createTestClient({ credentials: user("me", "hunter2") });
  await pushImage(client, registry.host);
  assert.deepEqual(
    await readAll(client.blob({ registry: registry.host, repository: "app" }, blobOf(LAYER), SIGNAL)),
    LAYER,
  );
});

Deno.test("registry: a wrong password and none are told apart", async () => {
  await using registry = await startBasicRegistry();
  const check = async (client: Registry, message: RegExp): Promise<void> => {
    await assert.rejects(client.checkPush({ registry: registry.host, repository: "app" }, SIGNAL), (error) => {
      assert.ok(error instanceof KilnError && error.kind === "denied");
      assert.match(error.message, message);
      return true;
    });
  };
  using wrong = createTestClient({ credentials: user("me", "wrong") });
  await check(wrong, /does not allow it with the credentials from the test \(401 Unauthorized\): UNAUTHORIZED: /);
  using nobody = createTestClient();
  await check(nobody, /does not allow it without credentials, and none were sent \(401 Unauthorized\)/);
});

Deno.test("registry: tokens let in, also to mount from another repository", async () => {
  await using registry = await startTokenRegistry();
  using client = createTestClient({ credentials: user("me", "hunter2") });
  await pushImage(client, registry.host, { repository: "base" });
  const heldBy = [{ registry: registry.host, repository: "base" }];
  const at = { registry: registry.host, repository: "app" };
  assert.equal(await client.putBlob(at, blobOf(LAYER), { ...sourceOf(LAYER), heldBy }, SIGNAL), "mounted");
  assert.deepEqual(registry.tokens.seen.map(({ path }) => new URL(path, "http://x").searchParams.getAll("scope")), [
    ["repository:base:pull,push"],
    ["repository:app:pull,push"],
    ["repository:app:pull,push", "repository:base:pull"],
  ]);
});

Deno.test("registry: who may not push may pull", async () => {
  await using registry = await startTokenRegistry();
  using owner = createTestClient({ credentials: user("me", "hunter2") });
  await pushImage(owner, registry.host);
  using guest = createTestClient();
  const at = { registry: registry.host, repository: "app" };
  assert.deepEqual((await guest.manifest({ ...at, tag: "v1" }, SIGNAL)).bytes, MANIFEST);
  assert.deepEqual(await readAll(guest.blob(at, blobOf(LAYER), SIGNAL)), LAYER);
  await assert.rejects(guest.checkPush(at, SIGNAL), { name: "KilnError", kind: "denied" });
  await assert.rejects(owner.checkPush({ ...at, repository: "foreign/app" }, SIGNAL), (error) => {
    assert.ok(error instanceof KilnError);
    assert.match(error.message, /with the credentials from the test \(401 Unauthorized\): UNAUTHORIZED: /);
    return true;
  });
});

Deno.test("registry: a blob is sent where the token does not allow to mount it", async () => {
  await using registry = await startTokenRegistry();
  using client = createTestClient({ credentials: user("me", "hunter2") });
  const heldBy = [{ registry: registry.host, repository: "foreign/base" }];
  const at = { registry: registry.host, repository: "app" };
  assert.equal(await client.putBlob(at, blobOf(LAYER), { ...sourceOf(LAYER), heldBy }, SIGNAL), "uploaded");
});

Deno.test("registry: a wrong password for the token service is told", async () => {
  await using registry = await startTokenRegistry();
  using client = createTestClient({ credentials: user("me", "wrong") });
  await assert.rejects(
    client.manifest({ registry: registry.host, repository: "app", tag: "v1" }, SIGNAL),
    /does not allow it with the credentials from the test \(401 Unauthorized\): incorrect username or password$/,
  );
});
