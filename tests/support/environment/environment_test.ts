/**
 * The environment as tests use it; these also show how.
 *
 * @module
 */
import assert from "node:assert/strict";
import { debianTree } from "./bases.ts";
import { cached } from "./cache.ts";
import { run } from "./command.ts";
import { prepared } from "./environment.ts";
import { flatten } from "./flatten.ts";
import { compareListings } from "./listing.ts";
import { startRegistry } from "./registry_server.ts";
import { listTree } from "./tree_listing.ts";

Deno.test("the debian base holds the tree that debootstrap made", async () => {
  const { layouts } = await prepared({ bases: ["debian"] });
  const { files } = await flatten(layouts.debian ?? "");
  const tree = await listTree(await debianTree());
  assert.ok(tree.size > 5000);
  assert.deepEqual(compareListings(files, tree), []);
});

Deno.test("startRegistry() serves the bases it was asked for, and ends", async () => {
  let pid = 0;
  let host = "";
  {
    await using registry = await startRegistry({ bases: ["busybox"] });
    ({ pid, host } = registry);
    const target = `docker://${registry.base("busybox")}`;
    const { stdout } = await run(["skopeo", "inspect", "--tls-verify=false", target]);
    assert.equal(JSON.parse(stdout).Os, "linux");
  }
  await assert.rejects(Deno.stat(`/proc/${pid}`), Deno.errors.NotFound);
  await assert.rejects(fetch(`http://${host}/v2/`));
});

Deno.test("startRegistry() gives each test a registry of its own", async () => {
  const { layouts } = await prepared({ bases: ["busybox"] });
  await using one = await startRegistry({ bases: ["busybox"] });
  const source = `oci:${layouts.busybox}:latest`;
  const target = `docker://${one.host}/base/busybox:other`;
  await run(["skopeo", "copy", "--quiet", "--dest-tls-verify=false", source, target]);
  await using other = await startRegistry({ bases: ["busybox"] });
  const response = await fetch(`http://${other.host}/v2/base/busybox/tags/list`);
  assert.deepEqual(await response.json(), { name: "base/busybox", tags: ["latest"] });
});

Deno.test("cached() makes a thing once, however many ask for it at the same time", async () => {
  let made = 0;
  const recipe = {
    name: "environment-test",
    inputs: [crypto.randomUUID()],
    what: "a file",
    make: async (folder: string): Promise<void> => {
      made += 1;
      await Deno.writeTextFile(`${folder}/file`, "content");
    },
  };
  const folders = await Promise.all([cached(recipe), cached(recipe), cached(recipe)]);
  assert.equal(new Set(folders).size, 1);
  assert.equal(made, 1);
  await Deno.remove(folders[0] ?? "", { recursive: true });
});

Deno.test("cached() keeps nothing of a thing that could not be made", async () => {
  const recipe = {
    name: "environment-test",
    inputs: [crypto.randomUUID()],
    what: "nothing",
    make: (): Promise<void> => Promise.reject(new Error("no luck")),
  };
  await assert.rejects(cached(recipe), /no luck/);
  await assert.rejects(cached(recipe), /no luck/);
});
