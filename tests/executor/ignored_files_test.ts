/**
 * Which of the context's own files are read although they are ignored, and by which names.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path/posix";
import { flatten } from "../support/environment/flatten.ts";
import { type SiteFiles, startSite } from "../support/executor_site.ts";

/** Builds without naming a Dockerfile; returns the paths in the image. */
async function pathsOf(files: SiteFiles): Promise<readonly string[]> {
  await using site = await startSite(files);
  const layout = join(site.path, "layout");
  const { code, stderr } = await site.run(["--no-push", `--oci-layout-path=${layout}`]);
  assert.equal(code, 0, stderr);
  return [...(await flatten(layout)).files.keys()].sort();
}

const COPY_ALL = "FROM scratch\nCOPY . /all/\n";

Deno.test("Dockerfile and .dockerignore [4.1/4] are read when they are ignored, and not copied", async () => {
  const files = { "Dockerfile": COPY_ALL, ".dockerignore": "*\n!kept\n", "kept": "k", "dropped": "d" };
  assert.deepEqual(await pathsOf(files), ["/all", "/all/kept"]);
});

Deno.test("Dockerfile and .dockerignore [4.1/4] are copied when they are not ignored", async () => {
  assert.deepEqual(await pathsOf({ "Dockerfile": COPY_ALL, ".dockerignore": "x\n", "x": "x" }), [
    "/all",
    "/all/.dockerignore",
    "/all/Dockerfile",
  ]);
});

Deno.test("dockerfile [4.1/5] is taken where there is no Dockerfile, with its own .dockerignore", async () => {
  const files = {
    "dockerfile": COPY_ALL,
    "dockerfile.dockerignore": "*\n!kept\n",
    ".dockerignore": "kept\n",
    "kept": "",
  };
  assert.deepEqual(await pathsOf(files), ["/all", "/all/kept"]);
});

Deno.test("dockerfile [4.1/5] is not taken beside a Dockerfile", async () => {
  const files = { "dockerfile": "FROM scratch\nCOPY none /\n", "Dockerfile": "FROM scratch\nCOPY a /\n", "a": "" };
  assert.deepEqual(await pathsOf(files), ["/a"]);
});
