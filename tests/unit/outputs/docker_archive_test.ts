import assert from "node:assert/strict";
import { join } from "node:path";
import { KilnError } from "../../../lib/errors.ts";
import type { Image } from "../../../lib/image/image.ts";
import { hexOf } from "../../../lib/oci/digest.ts";
import { MEDIA_TYPES } from "../../../lib/oci/media_type.ts";
import { dockerArchive } from "../../../lib/outputs/docker_archive.ts";
import { noise, readAll, sourceOf } from "../../support/registry_client.ts";
import { sampleImage } from "../../support/registry_image.ts";
import { tempFolder } from "../../support/registry_temp.ts";

/** Reads a tar file with GNU tar: names and contents. */
async function entriesOf(path: string): Promise<ReadonlyMap<string, Uint8Array>> {
  const tar = async (...args: readonly string[]) =>
    (await new Deno.Command("tar", { args: [...args] }).output()).stdout;
  const names = new TextDecoder().decode(await tar("-tf", path)).trim().split("\n");
  const entries = new Map<string, Uint8Array>();
  for (const name of names) entries.set(name, await tar("-xOf", path, name));
  return entries;
}

async function write(image: Image, names: readonly string[], path: string): Promise<ReadonlyMap<string, Uint8Array>> {
  const output = dockerArchive({ place: { kind: "file", path }, names });
  await output.prepare();
  await output.write(image);
  return await entriesOf(path);
}

Deno.test("dockerArchive() holds config, layers and a manifest that names them", async () => {
  await using folder = await tempFolder();
  const image = sampleImage({ family: "docker", files: [noise(100_000), noise(10)] });
  const entries = await write(image, ["reg.example:5000/app:v1"], join(folder.path, "a/image.tar"));
  const config = `sha256:${hexOf(image.manifest.config.digest)}`;
  const layers = image.layers.map(({ descriptor }) => `${hexOf(descriptor.digest)}.tar.gz`);
  assert.deepEqual([...entries.keys()], [config, ...layers, "manifest.json"]);
  assert.deepEqual(entries.get(config), new Uint8Array(image.configBytes));
  assert.deepEqual(JSON.parse(new TextDecoder().decode(entries.get("manifest.json"))), [
    { Config: config, RepoTags: ["reg.example:5000/app:v1"], Layers: layers },
  ]);
  const [first] = image.layers;
  assert.ok(first !== undefined);
  assert.deepEqual(entries.get(layers[0] ?? ""), await readAll(first.blob.open()));
});

const NAMES: readonly (readonly [names: readonly string[], tags: readonly string[]])[] = [
  [[], ["docker.io/unset-repo/unset-image-name:latest"]],
  [["app"], ["app:latest"]],
  [["reg.example:5000/app"], ["reg.example:5000/app:latest"]],
  [["Library/x:V1", "app:v2"], ["Library/x:V1", "app:v2"]],
];

for (const [names, tags] of NAMES) {
  Deno.test(`dockerArchive() calls an image for ${names.join(" and ") || "nobody"} ${tags.join(" and ")}`, async () => {
    await using folder = await tempFolder();
    const entries = await write(sampleImage({ family: "docker" }), names, join(folder.path, "image.tar"));
    assert.deepEqual(JSON.parse(new TextDecoder().decode(entries.get("manifest.json")))[0].RepoTags, tags);
  });
}

Deno.test("dockerArchive() holds a layer that occurs twice once", async () => {
  await using folder = await tempFolder();
  const image = sampleImage({ family: "docker" });
  const twice = { ...image, layers: [...image.layers, ...image.layers] };
  const entries = await write(twice, [], join(folder.path, "image.tar"));
  assert.equal(entries.size, 3);
  assert.equal(JSON.parse(new TextDecoder().decode(entries.get("manifest.json")))[0].Layers.length, 2);
});

Deno.test("dockerArchive() writes the same bytes for the same image", async () => {
  await using folder = await tempFolder();
  const image = sampleImage({ family: "docker", files: [noise(50_000)] });
  const paths = ["a.tar", "b.tar"].map((name) => join(folder.path, name));
  for (const path of paths) await write(image, ["app"], path);
  const [one, other] = await Promise.all(paths.map((path) => Deno.readFile(path)));
  assert.deepEqual(one, other);
});

Deno.test("dockerArchive() calls a layer that is not compressed .tar", async () => {
  await using folder = await tempFolder();
  const image = sampleImage({ family: "docker" });
  const layers = image.layers.map((layer) => ({
    ...layer,
    descriptor: { ...layer.descriptor, mediaType: MEDIA_TYPES.docker.layer.none },
  }));
  const entries = await write({ ...image, layers }, [], join(folder.path, "image.tar"));
  assert.deepEqual([...entries.keys()][1], `${hexOf(layers[0]?.descriptor.digest ?? image.descriptor.digest)}.tar`);
});

Deno.test("dockerArchive() refuses zstd layers and leaves no file", async () => {
  await using folder = await tempFolder();
  const image = sampleImage({ family: "docker" });
  const layers = image.layers.map((layer) => ({
    ...layer,
    descriptor: { ...layer.descriptor, mediaType: MEDIA_TYPES.docker.layer.zstd },
  }));
  const path = join(folder.path, "image.tar");
  await assert.rejects(
    dockerArchive({ place: { kind: "file", path }, names: [] }).write({ ...image, layers }),
    (error) => {
      assert.ok(error instanceof KilnError && error.kind === "usage");
      assert.match(
        error.message,
        /^Cannot write the docker archive ".*image\.tar": its layer sha256:[0-9a-f]{64} is compressed with zstd$/,
      );
      return true;
    },
  );
  assert.deepEqual([...Deno.readDirSync(folder.path)], []);
});

Deno.test("dockerArchive() keeps the earlier file when it fails", async () => {
  await using folder = await tempFolder();
  const path = await folder.write("image.tar", "before");
  const image = sampleImage({ family: "docker" });
  const layers = image.layers.map((layer) => ({ ...layer, blob: sourceOf(noise(1)) }));
  await assert.rejects(
    dockerArchive({ place: { kind: "file", path }, names: [] }).write({ ...image, layers }),
    /it has less than its [0-9]+ bytes$/,
  );
  assert.equal(await Deno.readTextFile(path), "before");
  assert.equal([...Deno.readDirSync(folder.path)].length, 1);
});

Deno.test("dockerArchive() says before the build that the path is a directory", async () => {
  await using folder = await tempFolder();
  await assert.rejects(dockerArchive({ place: { kind: "file", path: folder.path }, names: [] }).prepare(), {
    message: `Cannot write the docker archive "${folder.path}": it is a directory`,
  });
});

Deno.test("dockerArchive() writes to the pipe that a path leads to, and leaves both there", async () => {
  await using folder = await tempFolder();
  const [pipe, link] = [join(folder.path, "pipe"), join(folder.path, "link")];
  await new Deno.Command("mkfifo", { args: [pipe] }).output();
  await Deno.symlink("pipe", link);
  const reader = new Deno.Command("timeout", { args: ["10", "tar", "-tf", pipe], stdout: "piped" }).output();
  const output = dockerArchive({ place: { kind: "file", path: link }, names: [] });
  await output.prepare();
  await output.write(sampleImage({ family: "docker" }));
  assert.match(new TextDecoder().decode((await reader).stdout), /^manifest\.json$/m);
  assert.deepEqual([...await namesIn(folder.path)].sort(), ["link", "pipe"]);
  assert.ok((await Deno.lstat(link)).isSymlink && (await Deno.lstat(pipe)).isFifo);
});

Deno.test("dockerArchive() writes the file that a symlink leads to", async () => {
  await using folder = await tempFolder();
  const file = await folder.write("image.tar", "before");
  const link = join(folder.path, "link");
  await Deno.symlink("image.tar", link);
  assert.ok((await write(sampleImage({ family: "docker" }), [], link)).has("manifest.json"));
  assert.ok((await Deno.lstat(link)).isSymlink && (await entriesOf(file)).has("manifest.json"));
});

async function namesIn(path: string): Promise<readonly string[]> {
  return (await Array.fromAsync(Deno.readDir(path))).map(({ name }) => name);
}
