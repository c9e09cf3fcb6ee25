/**
 * `oci://` and `oci-layout://`: the file system of an image, the archive of an artifact.
 *
 * @module
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path/posix";
import { gzipSync } from "node:zlib";
import { assertContextFails, COPY_ALL, filesFrom, imageFiles } from "../support/context_build.ts";
import { prepared } from "../support/environment/environment.ts";
import { flatten } from "../support/environment/flatten.ts";
import { writeLayout } from "../support/environment/layout_writer.ts";
import { compareListings } from "../support/environment/listing.ts";
import { startRegistry } from "../support/environment/registry_server.ts";
import { type Site, startSite } from "../support/executor_site.ts";
import { type FaultRegistry, startFaultRegistry } from "../support/registry_fault.ts";
import { archive, entry } from "../support/tar_forge.ts";

const { layouts } = await prepared({ bases: ["busybox"] });

/** Writes a layout of two layers, of which the second removes a file of the first. */
async function writeSample(site: Site, name = "layout"): Promise<string> {
  const layers = [
    archive(entry({ name: "Dockerfile" }, COPY_ALL), entry({ name: "a" }, "a"), entry({ name: "d/b" }, "b")),
    archive(entry({ name: ".wh.a" }), entry({ name: "d/c" }, "c")),
  ];
  const paths = await Promise.all(layers.map(async (bytes, at) => {
    const path = join(site.path, `${name}-${at}.tar`);
    await Deno.writeFile(path, bytes);
    return { tar: path };
  }));
  const layout = join(site.path, name);
  await writeLayout(layout, { layers: paths });
  return layout;
}

const FLAT = ["/Dockerfile", "/d/", "/d/b", "/d/c"];

Deno.test("an OCI layout as context, is the image's file system after all its layers", async () => {
  await using site = await startSite();
  const layout = await writeSample(site);
  assert.deepEqual(await filesFrom(site, `oci-layout://${layout}`), FLAT);
  assert.deepEqual(await filesFrom(site, `oci-layout://${layout}:latest`, { args: ["--context-sub-path=/"] }), FLAT);
});

Deno.test("an OCI layout as context, gives the image of a digest", async () => {
  await using site = await startSite();
  const layout = await writeSample(site);
  const { manifests } = JSON.parse(await Deno.readTextFile(join(layout, "index.json")));
  assert.deepEqual(await filesFrom(site, `oci-layout://${layout}@${manifests[0].digest}`), FLAT);
});

Deno.test("an OCI layout as context, that is missing, lacks the tag or was altered is refused", async () => {
  await using site = await startSite();
  const layout = await writeSample(site);
  await assertContextFails(site, `oci-layout://${site.context}`, {
    code: 66,
    error: `Cannot use the OCI layout "${site.context}": it has no "index.json"`,
  });
  const { stderr } = await assertContextFails(site, `oci-layout://${layout}:v9`, {
    code: 66,
    error: `Cannot use the OCI layout "${layout}": it has no image with the tag "v9"`,
  });
  assert.match(stderr, /hint: it has latest/);
  for await (const { name } of Deno.readDir(join(layout, "blobs/sha256"))) {
    const path = join(layout, "blobs/sha256", name);
    const bytes = await Deno.readFile(path);
    if (bytes[0] !== 0x1f) continue;
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
    await Deno.writeFile(path, bytes);
  }
  await assertContextFails(site, `oci-layout://${layout}`, {
    code: 78,
    error: /the blob sha256:[0-9a-f]{64} has content/,
  });
});

Deno.test("an image as context, is that of a registry, file by file", async () => {
  await using registry = await startRegistry({ bases: ["busybox"] });
  await using site = await startSite();
  await Deno.writeTextFile(join(site.path, "Dockerfile"), COPY_ALL);
  await filesFrom(site, `oci://${registry.base("busybox")}`, { args: ["--insecure-pull"] });
  const [image, base] = [await flatten(join(site.path, "image")), await flatten(layouts.busybox ?? "")];
  // COPY gives files to root.
  const options = { ignore: ["uid", "gid"], except: (path: string) => path === "/" } as const;
  assert.deepEqual(compareListings(base.files, image.files, options), []);
});

/** Puts an artifact with these layers into a registry. */
function addArtifact(registry: FaultRegistry, layers: readonly Uint8Array[]): string {
  const blobs = [new TextEncoder().encode("{}"), ...layers].map((bytes) => ({
    digest: registry.addBlob("app/config", bytes),
    size: bytes.length,
  }));
  const [config, ...rest] = blobs;
  const type = "application/vnd.oci.image.manifest.v1+json";
  const manifest = new TextEncoder().encode(JSON.stringify({
    schemaVersion: 2,
    mediaType: type,
    artifactType: "application/vnd.example.context",
    config: { mediaType: "application/vnd.oci.empty.v1+json", ...config },
    layers: rest.map((blob) => ({ mediaType: "application/vnd.example.context.tar+gzip", ...blob })),
  }));
  const digest = `sha256:${createHash("sha256").update(manifest).digest("hex")}`;
  for (const key of ["app/config:1", `app/config@${digest}`]) registry.manifests.set(key, { type, bytes: manifest });
  return `oci://${registry.host}/app/config:1`;
}

const CONTEXT = gzipSync(archive(entry({ name: "Dockerfile" }, COPY_ALL), entry({ name: "x" }, "x")));

Deno.test("an artifact as context, is the archive it holds", async () => {
  await using registry = await startFaultRegistry();
  await using site = await startSite();
  const context = addArtifact(registry, [CONTEXT]);
  assert.deepEqual(await filesFrom(site, context, { args: ["--insecure-pull"] }), ["/Dockerfile", "/x"]);
});

Deno.test("an artifact as context, with several layers or one that is no archive is refused", async () => {
  await using registry = await startFaultRegistry();
  await using site = await startSite();
  await assertContextFails(site, addArtifact(registry, [CONTEXT, CONTEXT]), {
    args: ["--insecure-pull"],
    code: 66,
    error:
      `Cannot use "${registry.host}/app/config:1" as build context: it is an artifact with 2 layers, not with one archive`,
  });
  await assertContextFails(site, addArtifact(registry, [new TextEncoder().encode("text".repeat(300))]), {
    args: ["--insecure-pull"],
    code: 78,
    error: /^Cannot use the archive in ".*": cannot read the archive/,
  });
});

Deno.test("an image as context, that is not there or whose layer is another is refused", async () => {
  await using registry = await startFaultRegistry();
  await using site = await startSite();
  await assertContextFails(site, `oci://${registry.host}/nope:1`, {
    args: ["--insecure-pull"],
    code: 69,
    error: /404/,
  });
  const context = addArtifact(registry, [CONTEXT]);
  const digest = `sha256:${createHash("sha256").update(CONTEXT).digest("hex")}`;
  const altered = Uint8Array.from(CONTEXT);
  altered[altered.length - 1] = 1;
  registry.blobs.set(`app/config@${digest}`, altered);
  await assertContextFails(site, context, { args: ["--insecure-pull"], code: 78, error: /its content has the digest/ });
});

Deno.test("an image as context, whose download breaks is taken up where it broke", async () => {
  await using registry = await startFaultRegistry();
  await using site = await startSite();
  const context = addArtifact(registry, [CONTEXT]);
  registry.next("GET", /blobs/, (_request, response) => {
    response.writeHead(200, { "content-length": String(CONTEXT.length) });
    response.write(CONTEXT.subarray(0, 100), () => response.socket?.resetAndDestroy());
  });
  await filesFrom(site, context, { args: ["--insecure-pull"] });
  assert.deepEqual(await imageFiles(site), ["/Dockerfile", "/x"]);
});
