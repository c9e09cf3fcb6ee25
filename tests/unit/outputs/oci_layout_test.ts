import assert from "node:assert/strict";
import { join } from "node:path";
import { KilnError } from "../../../lib/errors.ts";
import { hexOf } from "../../../lib/oci/digest.ts";
import { ociLayout } from "../../../lib/outputs/oci_layout.ts";
import { noise, sourceOf } from "../../support/registry_client.ts";
import { sampleImage } from "../../support/registry_image.ts";
import { tempFolder } from "../../support/registry_temp.ts";

async function files(folder: string): Promise<readonly string[]> {
  const found: string[] = [];
  for await (const entry of Deno.readDir(folder)) {
    if (entry.isDirectory) {
      for (const name of await files(join(folder, entry.name))) found.push(`${entry.name}/${name}`);
    } else found.push(entry.name);
  }
  return found.sort();
}

async function readJson(path: string): Promise<unknown> {
  return JSON.parse(await Deno.readTextFile(path));
}

Deno.test("ociLayout() writes one manifest and its blobs", async () => {
  await using folder = await tempFolder();
  const image = sampleImage({ files: [noise(100_000), noise(10)] });
  const path = join(folder.path, "a/b");
  const output = ociLayout(path);
  await output.prepare();
  await output.write(image);
  const blobs = [...image.layers.map(({ descriptor }) => descriptor), image.manifest.config, image.descriptor];
  const names = blobs.map(({ digest }) => `blobs/sha256/${hexOf(digest)}`);
  assert.deepEqual(await files(path), [...names, "index.json", "oci-layout"].sort());
  assert.deepEqual(await readJson(join(path, "oci-layout")), { imageLayoutVersion: "1.0.0" });
  assert.deepEqual(await readJson(join(path, "index.json")), {
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.index.v1+json",
    manifests: [{ ...image.descriptor, annotations: { "org.opencontainers.image.ref.name": "latest" } }],
  });
  const layer = image.layers[0];
  const bytes = await Deno.readFile(
    join(path, "blobs/sha256", hexOf(layer?.descriptor.digest ?? image.descriptor.digest)),
  );
  assert.equal(bytes.length, layer?.descriptor.size);
  assert.deepEqual(
    await Deno.readFile(join(path, "blobs/sha256", hexOf(image.descriptor.digest))),
    image.manifestBytes,
  );
});

Deno.test("ociLayout() gives the folder to the new image, and leaves older blobs", async () => {
  await using folder = await tempFolder();
  const [first, second] = [sampleImage({ files: [noise(10, 1)] }), sampleImage({ files: [noise(10, 2)] })];
  for (const image of [first, second]) {
    const output = ociLayout(folder.path, "v2");
    await output.prepare();
    await output.write(image);
  }
  const index = await readJson(join(folder.path, "index.json"));
  assert.deepEqual((index as { manifests: unknown }).manifests, [
    { ...second.descriptor, annotations: { "org.opencontainers.image.ref.name": "v2" } },
  ]);
  assert.ok((await files(folder.path)).includes(`blobs/sha256/${hexOf(first.descriptor.digest)}`));
});

Deno.test("ociLayout() writes a layer when it is staged, once", async () => {
  await using folder = await tempFolder();
  const image = sampleImage();
  const [layer] = image.layers;
  assert.ok(layer !== undefined);
  const source = sourceOf(new Uint8Array(await Array.fromAsync(layer.blob.open()).then(([bytes]) => bytes ?? [])));
  const staged = { ...layer, blob: source };
  const output = ociLayout(folder.path);
  await output.prepare();
  await Promise.all([output.stage?.(staged), output.stage?.(staged)]);
  assert.deepEqual(await files(folder.path), [`blobs/sha256/${hexOf(layer.descriptor.digest)}`]);
  await output.write({ ...image, layers: [staged] });
  assert.deepEqual(source.opened, [0]);
});

Deno.test("ociLayout() writes a layer that occurs twice once", async () => {
  await using folder = await tempFolder();
  const image = sampleImage();
  const output = ociLayout(folder.path);
  await output.prepare();
  await output.write({ ...image, layers: [...image.layers, ...image.layers] });
  assert.equal((await files(folder.path)).length, 5);
});

for (const [name, size] of [["more", 5], ["less", 50]] as const) {
  Deno.test(`ociLayout() refuses a blob of ${name} bytes than it should have, and leaves neither it nor an index`, async () => {
    await using folder = await tempFolder();
    const image = sampleImage();
    const layers = image.layers.map((layer) => ({
      ...layer,
      descriptor: { ...layer.descriptor, size },
      blob: sourceOf(noise(20), 4),
    }));
    const output = ociLayout(folder.path);
    await output.prepare();
    await assert.rejects(output.write({ ...image, layers }), (error) => {
      assert.ok(error instanceof KilnError && error.kind === "integrity");
      assert.match(
        error.message,
        new RegExp(`^Cannot write the blob sha256:[0-9a-f]{64}: it has ${name} than its ${size} bytes$`),
      );
      return true;
    });
    assert.deepEqual(await files(folder.path), []);
  });
}

Deno.test("ociLayout() keeps the earlier image when it fails", async () => {
  await using folder = await tempFolder();
  const image = sampleImage();
  const output = ociLayout(folder.path);
  await output.prepare();
  await output.write(image);
  const before = await files(folder.path);
  const failure = new KilnError("registry", "Cannot fetch it");
  const broken = {
    ...image,
    layers: sampleImage({ files: [noise(5)] }).layers.map((layer) => ({
      ...layer,
      blob: {
        // deno-lint-ignore require-yield -- it fails before it has anything
        async *open(): AsyncGenerator<Uint8Array> {
          throw failure;
        },
      },
    })),
  };
  await assert.rejects(ociLayout(folder.path).write(broken), failure);
  assert.deepEqual(await files(folder.path), before);
});

Deno.test("ociLayout() says before the build that the folder cannot be one", async () => {
  await using folder = await tempFolder();
  const path = await folder.write("file", "");
  for (
    const [at, why] of [[path, "a part of its path is not a directory"], [
      `${path}/below`,
      "a part of its path is not a directory",
    ]]
  ) {
    await assert.rejects(ociLayout(at ?? "").prepare(), (error) => {
      assert.ok(error instanceof KilnError && error.kind === "disk");
      assert.equal(error.message, `Cannot write the OCI layout "${at}": ${why}`);
      return true;
    });
  }
});

Deno.test("ociLayout() leaves no trace of its test", async () => {
  await using folder = await tempFolder();
  await ociLayout(join(folder.path, "out")).prepare();
  assert.deepEqual(await files(folder.path), []);
});

Deno.test("ociLayout() takes the blobs of an image that is not written away again, and no older ones", async () => {
  await using folder = await tempFolder();
  const [first, second] = [
    sampleImage({ files: [noise(10, 1)] }),
    sampleImage({ files: [noise(10, 1), noise(10, 2)] }),
  ];
  const output = ociLayout(folder.path);
  await output.prepare();
  await output.write(first);
  await output.abandon?.();
  const before = await files(folder.path);
  const next = ociLayout(folder.path);
  await next.prepare();
  for (const layer of second.layers) await next.stage?.(layer);
  assert.equal((await files(folder.path)).length, before.length + 1);
  await next.abandon?.();
  assert.deepEqual(await files(folder.path), before);
});
