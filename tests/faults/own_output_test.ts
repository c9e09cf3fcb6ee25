/**
 * What a build writes while it runs is not part of its context, though it may lie in it.
 *
 * @module
 */
import assert from "node:assert/strict";
import { startSite } from "../support/executor_site.ts";
import { run } from "../support/environment/command.ts";

Deno.test("OCI layout and work directory inside of the context, are not copied into the image", async () => {
  await using site = await startSite({ Dockerfile: "FROM scratch\nCOPY . /app/\n", "file": "text", "o[u]t": "mine" });
  const args = ["--context=.", "--work-dir=.work", "--no-push", "--oci-layout-path=out"];
  for (const attempt of [1, 2]) {
    const { code, stderr } = await site.run(args, { cwd: site.context });
    assert.equal(code, 0, stderr);
    const { layers } = await manifestOf(`${site.context}/out`);
    const { stdout } = await run(["tar", "-tzf", `${site.context}/out/blobs/sha256/${layers[0]?.digest.slice(7)}`]);
    const names = stdout.trimEnd().split("\n").sort();
    assert.deepEqual(names, ["app/", "app/Dockerfile", "app/file", "app/o[u]t"], `build ${attempt}`);
    await Deno.remove(`${site.context}/out/index.json`);
  }
});

async function manifestOf(layout: string): Promise<{ readonly layers: readonly { readonly digest: string }[] }> {
  const index = JSON.parse(await Deno.readTextFile(`${layout}/index.json`));
  return JSON.parse(await Deno.readTextFile(`${layout}/blobs/sha256/${index.manifests[0].digest.slice(7)}`));
}
