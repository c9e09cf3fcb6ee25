/**
 * F33, F34: a registry that answers differently the second time. What a reference stands for is asked for once.
 *
 * @module
 */
import assert from "node:assert/strict";
import { startSite } from "../support/executor_site.ts";
import { addForgedImage, addManifest, OCI } from "../support/forged_image.ts";
import { digestOf, startFaultRegistry } from "../support/registry_fault.ts";
import { archive, entry } from "../support/tar_forge.ts";

const layerWith = (text: string): Uint8Array => archive(entry({ name: "which" }, text));

Deno.test("F33 tag that moves during the build, is one image for all stages and mounts", async () => {
  await using registry = await startFaultRegistry();
  const base = addForgedImage(registry, "moving", { layers: [layerWith("old")] });
  const old = registry.manifests.get("moving:latest");
  addForgedImage(registry, "moving", { layers: [layerWith("new")] });
  // Every answer after the first is the new one.
  registry.next("GET", /moving.manifests.latest/, (_request, response) => {
    response.writeHead(200, { "content-type": OCI.manifest }).end(old?.bytes);
  });
  await using site = await startSite({
    Dockerfile: `FROM ${base} AS one\nFROM ${base}\nCOPY --from=one /which /one\nCOPY --from=${base} /which /two\n`,
  });
  const { code, stderr } = await site.run([
    ...["--insecure", `--destination=${registry.host}/out/image:1`, "--log-format=text"],
  ]);
  assert.equal(code, 0, stderr);
  const asked = registry.log().filter((line) => line.includes("moving/manifests/"));
  assert.deepEqual(asked, ["GET /v2/moving/manifests/latest"]);
  assert.ok(stderr.includes(`(${digestOf(old?.bytes ?? new Uint8Array())})`), "the log names what was used");
});

Deno.test("F34 index with other platforms at the second look, is looked at once", async () => {
  await using registry = await startFaultRegistry();
  addForgedImage(registry, "platforms", { layers: [layerWith("right")] });
  const right = registry.manifests.get("platforms:latest");
  assert.ok(right !== undefined);
  const platform = { os: "linux", architecture: Deno.build.arch === "x86_64" ? "amd64" : "arm64" };
  const indexWith = (manifests: readonly unknown[]): Uint8Array =>
    new TextEncoder().encode(JSON.stringify({ schemaVersion: 2, mediaType: OCI.index, manifests }));
  const entryOf = { mediaType: OCI.manifest, digest: digestOf(right.bytes), size: right.bytes.length, platform };
  const base = addManifest(registry, "platforms", { bytes: indexWith([]), type: OCI.index });
  registry.next("GET", /platforms.manifests.latest/, (_request, response) => {
    response.writeHead(200, { "content-type": OCI.index }).end(indexWith([entryOf]));
  });
  await using site = await startSite({
    Dockerfile: `FROM ${base} AS one\nFROM ${base}\nCOPY --from=one /which /one\n`,
  });
  const { code, stderr } = await site.run(["--insecure-pull", "--no-push"]);
  assert.equal(code, 0, stderr);
  assert.equal(registry.log().filter((line) => line.endsWith("platforms/manifests/latest")).length, 1);
});
