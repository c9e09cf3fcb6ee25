import assert from "node:assert/strict";
import { KilnError } from "../../../lib/errors.ts";
import type { Image } from "../../../lib/image/image.ts";
import type { Reference } from "../../../lib/oci/reference.ts";
import type { Output } from "../../../lib/outputs/output.ts";
import { registryOutputs } from "../../../lib/outputs/registry.ts";
import { createTestClient, noise, recordingReport, type TestClient } from "../../support/registry_client.ts";
import { answer, fail, type FaultRegistry, startFaultRegistry } from "../../support/registry_fault.ts";
import { sampleImage } from "../../support/registry_image.ts";

interface Stage extends AsyncDisposable {
  readonly registry: FaultRegistry;
  readonly client: TestClient;
  readonly image: Image;
  readonly messages: string[];
  readonly outputs: (...names: readonly string[]) => readonly Output[];
  /** How many requests were made of that kind. */
  readonly count: (method: string, path: RegExp) => number;
}

async function stage({ checkPush = false } = {}): Promise<Stage> {
  const registry = await startFaultRegistry();
  const client = createTestClient();
  const messages: string[] = [];
  return {
    registry,
    client,
    messages,
    image: sampleImage({ files: [noise(20_000, 1), noise(20_000, 2), noise(20_000, 3)] }),
    outputs: (...names) =>
      registryOutputs({
        registry: client,
        destinations: names.map((name): Reference => {
          const [repository = "", tag = ""] = name.split(":");
          return { registry: registry.host, repository, tag };
        }),
        checkPush,
        report: recordingReport(messages),
        signal: new AbortController().signal,
      }),
    count: (method, path) => registry.seen.filter((seen) => seen.method === method && path.test(seen.path)).length,
    async [Symbol.asyncDispose](): Promise<void> {
      client.close();
      await registry[Symbol.asyncDispose]();
    },
  };
}

function only(outputs: readonly Output[]): Output {
  const [output] = outputs;
  assert.ok(output !== undefined);
  return output;
}

Deno.test("registryOutputs() pushes blobs, then the manifest under its tag", async () => {
  await using at = await stage();
  await only(at.outputs("app:v1")).write(at.image);
  assert.deepEqual(at.registry.manifests.get("app:v1")?.bytes, new Uint8Array(at.image.manifestBytes));
  assert.equal(at.registry.log().at(-1), "PUT /v2/app/manifests/v1");
  assert.equal(at.registry.blobs.size, 4);
  assert.equal(
    at.messages[0],
    `debug Pushed ${at.registry.host}/app:v1@${at.image.descriptor.digest} (4 blobs sent, 0 mounted, 0 there already)`,
  );
});

Deno.test("registryOutputs() sends a staged layer at once, and once", async () => {
  await using at = await stage();
  const output = only(at.outputs("app:v1"));
  const [layer] = at.image.layers;
  assert.ok(layer !== undefined);
  await Promise.all([output.stage?.(layer), output.stage?.(layer)]);
  assert.equal(at.registry.blobs.size, 1);
  await output.write(at.image);
  assert.equal(at.count("POST", /uploads/), 4);
});

Deno.test("registryOutputs() sends nothing twice for several tags of one repository", async () => {
  await using at = await stage();
  await Promise.all(at.outputs("app:v1", "app:latest").map((output) => output.write(at.image)));
  assert.equal(at.count("POST", /uploads/), 4);
  assert.ok(at.registry.manifests.has("app:v1") && at.registry.manifests.has("app:latest"));
});

Deno.test("registryOutputs() mounts into a second repository what the first one has got", async () => {
  await using at = await stage();
  await Promise.all(at.outputs("first:v1", "second:v1").map((output) => output.write(at.image)));
  assert.equal(at.count("PUT", /^\/v2\/first\/blobs\/uploads/), 4);
  assert.equal(at.count("PUT", /^\/v2\/second\/blobs\/uploads/), 0);
  assert.equal(at.count("POST", /^\/v2\/second\/blobs\/uploads\/\?mount=sha256%3A[0-9a-f]{64}&from=first$/), 4);
});

Deno.test("registryOutputs() mounts a base layer from the repository it came from", async () => {
  await using at = await stage();
  const layers = await Promise.all(at.image.layers.map(async (layer) => {
    for await (const bytes of layer.blob.open()) at.registry.addBlob("base", bytes);
    return { ...layer, blob: { ...layer.blob, heldBy: [{ registry: at.registry.host, repository: "base" }] } };
  }));
  await only(at.outputs("app:v1")).write({ ...at.image, layers });
  assert.match(at.messages[0] ?? "", /\(1 blobs sent, 3 mounted, 0 there already\)$/);
});

// F10: the registry said a blob was there, and then misses it.
Deno.test("registryOutputs() sends blobs again that the registry misses, and then the manifest", async () => {
  await using at = await stage();
  const [layer] = at.image.layers;
  at.registry.always("HEAD", new RegExp(layer?.descriptor.digest ?? ""), answer(200));
  await only(at.outputs("app:v1")).write(at.image);
  assert.equal(at.registry.blobs.size, 4);
  assert.ok(at.registry.manifests.has("app:v1"));
  assert.match(at.messages[0] ?? "", /^warn .*\/app:v1: the registry misses 1 blobs it had; sending them again$/);
});

Deno.test("registryOutputs() does so only once", async () => {
  await using at = await stage();
  at.registry.always("PUT", /manifests/, fail(404, "BLOB_UNKNOWN"));
  await assert.rejects(
    only(at.outputs("app:v1")).write(at.image),
    /answered 404 Not Found: BLOB_UNKNOWN: blob unknown$/,
  );
  assert.equal(at.count("PUT", /manifests/), 2);
});

Deno.test("registryOutputs() writes no manifest when a blob cannot be pushed, and stops the others", async () => {
  await using at = await stage();
  at.registry.next("PUT", /uploads/, fail(403, "DENIED"));
  // The others would wait for ever; they are stopped by the first failure.
  at.registry.always("PUT", /uploads/, () => {});
  await assert.rejects(only(at.outputs("app:v1")).write(at.image), (error) => {
    assert.ok(error instanceof KilnError && error.kind === "denied");
    assert.match(error.message, /^Cannot push the blob sha256:[0-9a-f]{64} to .*403 Forbidden/);
    return true;
  });
  assert.equal(at.count("PUT", /manifests/), 0);
});

Deno.test("registryOutputs() checks before the build that pushing is allowed, if it is told to", async () => {
  await using at = await stage({ checkPush: true });
  at.registry.next("POST", /uploads/, fail(403, "DENIED"));
  await assert.rejects(only(at.outputs("app:v1")).prepare(), /^KilnError: Cannot push to .*\/app: /);
  await using unchecked = await stage();
  await only(unchecked.outputs("app:v1")).prepare();
  assert.deepEqual(unchecked.registry.seen, []);
});

Deno.test("registryOutputs() checks a repository once, however many tags it gets", async () => {
  await using at = await stage({ checkPush: true });
  for (const output of at.outputs("app:v1", "app:v2", "other:v1")) await output.prepare();
  assert.equal(at.count("POST", /uploads/), 2);
});

Deno.test("registryOutputs() is called by its reference", async () => {
  await using at = await stage();
  assert.equal(only(at.outputs("app:v1")).name, `${at.registry.host}/app:v1`);
});
