/**
 * What outputs write, read by the tools it is written for: skopeo, GNU tar, Debian's docker-registry.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { KilnError } from "../../lib/errors.ts";
import type { Image } from "../../lib/image/image.ts";
import { hexOf } from "../../lib/oci/digest.ts";
import { parseReference } from "../../lib/oci/reference.ts";
import { dockerArchive } from "../../lib/outputs/docker_archive.ts";
import { ociLayout } from "../../lib/outputs/oci_layout.ts";
import type { Output } from "../../lib/outputs/output.ts";
import { registryOutputs } from "../../lib/outputs/registry.ts";
import { createTestClient, noise, recordingReport } from "../support/registry_client.ts";
import { skopeo, startDebianRegistry } from "../support/registry_debian.ts";
import { sampleImage } from "../support/registry_image.ts";
import { tempFolder } from "../support/registry_temp.ts";
import { run } from "../support/environment/command.ts";

const FILES = [noise(300_000, 1), noise(10, 2)];

async function write(output: Output, image: Image): Promise<void> {
  await output.prepare();
  await output.write(image);
}

/** Copies an image with skopeo, which verifies every digest, and lists the blobs it got. */
async function copied(from: string, folder: string): Promise<readonly string[]> {
  await skopeo("copy", "--quiet", from, `dir:${folder}`);
  const names = [];
  for await (const { name } of Deno.readDir(folder)) if (/^[0-9a-f]{64}$/.test(name)) names.push(name);
  return names.sort();
}

function blobsOf({ layers, manifest }: Image): readonly string[] {
  return [...layers.map(({ descriptor }) => hexOf(descriptor.digest)), hexOf(manifest.config.digest)].sort();
}

for (const family of ["oci", "docker"] as const) {
  Deno.test(`OCI layout: skopeo copies an image of ${family} types`, async () => {
    await using folder = await tempFolder();
    const image = sampleImage({ family, files: FILES });
    const path = join(folder.path, "layout");
    await write(ociLayout(path), image);
    assert.equal(
      (await skopeo("inspect", "--raw", `oci:${path}`)).trim(),
      new TextDecoder().decode(image.manifestBytes),
    );
    assert.deepEqual(await copied(`oci:${path}`, join(folder.path, "copy")), blobsOf(image));
  });
}

Deno.test("docker archive: skopeo reads names, config and layers", async () => {
  await using folder = await tempFolder();
  const image = sampleImage({ family: "docker", files: FILES });
  const path = join(folder.path, "image.tar");
  await write(dockerArchive({ place: { kind: "file", path }, names: ["reg.example:5000/app:v1", "other"] }), image);
  assert.deepEqual(JSON.parse(await skopeo("list-tags", `docker-archive:${path}`)).Tags, [
    "reg.example:5000/app:v1",
    "other:latest",
  ]);
  const inspected = JSON.parse(await skopeo("inspect", "--config", `docker-archive:${path}`));
  assert.deepEqual(inspected.rootfs.diff_ids, image.layers.map(({ diffId }) => diffId));
  // The archive format has no place for compressed blobs: readers make blobs of their own from the layers' tars.
  const diffs = image.layers.map(({ diffId }) => hexOf(diffId));
  assert.deepEqual(
    await copied(`docker-archive:${path}`, join(folder.path, "copy")),
    [...diffs, hexOf(image.manifest.config.digest)].sort(),
  );
});

Deno.test("docker archive: a full disk is reported, and nothing is left of the file", async () => {
  await using folder = await tempFolder();
  const full = join(folder.path, "full");
  await Deno.mkdir(full);
  await run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", full]);
  try {
    const output = dockerArchive({ place: { kind: "file", path: join(full, "image.tar") }, names: [] });
    await assert.rejects(write(output, sampleImage({ family: "docker", files: FILES })), (error) => {
      assert.ok(error instanceof KilnError && error.kind === "disk" && error.exitCode === 73);
      assert.match(error.message, /^Cannot write the docker archive ".*": the file system is full$/);
      return true;
    });
    assert.deepEqual([...Deno.readDirSync(full)], []);
  } finally {
    await run(["umount", full]);
  }
});

Deno.test("registry: skopeo reads an image pushed under several names", async () => {
  await using registry = await startDebianRegistry();
  using client = createTestClient();
  const image = sampleImage({ files: FILES });
  const messages: string[] = [];
  const destinations = ["app:v1", "app:v2", "other/app:v1"].map((name) => parseReference(`${registry.host}/${name}`));
  const outputs = registryOutputs({
    registry: client,
    destinations,
    checkPush: true,
    report: recordingReport(messages),
    signal: new AbortController().signal,
  });
  for (const output of outputs) await output.prepare();
  await Promise.all(outputs.map((output) => output.stage?.(image.layers[0] ?? assert.fail())));
  for (const output of outputs) await output.write(image);
  for (const output of outputs) {
    const raw = await skopeo("inspect", "--tls-verify=false", "--raw", `docker://${output.name}`);
    assert.equal(raw.trim(), new TextDecoder().decode(image.manifestBytes));
  }
  assert.match(
    messages.at(-1) ?? "",
    /\/other\/app:v1@sha256:[0-9a-f]{64} \(0 blobs sent, 3 mounted, 0 there already\)$/,
  );
});

Deno.test("outputs: contents and modes are the same under every umask", async () => {
  await using folder = await tempFolder();
  const script = new URL("../support/registry_write_outputs.ts", import.meta.url).pathname;
  const listings = await Promise.all(["0000", "0022", "0077"].map(async (umask) => {
    const out = join(folder.path, umask);
    await run([
      "sh",
      "-c",
      `umask ${umask}; mkdir -m 755 "$1"; exec "$2" run -A --no-check "$3" "$1"`,
      "sh",
      out,
      Deno.execPath(),
      script,
    ]);
    const listing = await run([
      "sh",
      "-c",
      'cd "$1"; find . -printf "%m %y %p\n" | sort; find . -type f | sort | xargs sha256sum',
      "sh",
      out,
    ]);
    return listing.stdout;
  }));
  const [first, ...others] = listings;
  for (const other of others) assert.equal(other, first);
  assert.match(first ?? "", /^644 f \.\/layout\/index\.json$/m);
  assert.match(first ?? "", /^755 d \.\/layout\/blobs\/sha256$/m);
  assert.match(first ?? "", /^700 d \.\/results$/m);
});
