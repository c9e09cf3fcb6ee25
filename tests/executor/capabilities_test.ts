/**
 * Builds with fewer capabilities than root has on a host: what pods have that may mount.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path/posix";
import { flatten } from "../support/environment/flatten.ts";
import { prepared } from "../support/environment/environment.ts";
import { startRegistry } from "../support/environment/registry_server.ts";
import { startSite } from "../support/executor_site.ts";

Deno.test("overlay mounts without CAP_DAC_READ_SEARCH, which the kernel gives no index, hold what commands did", async () => {
  await prepared({ tools: ["setpriv"], bases: ["busybox"] });
  await using registry = await startRegistry({ bases: ["busybox"] });
  await using site = await startSite({
    Dockerfile: `FROM ${registry.base("busybox")}\nCOPY file /a/one\nRUN ln /a/one /a/two\nRUN echo more >> /a/two\n`,
    file: "text\n",
  });
  const layout = join(site.path, "layout");
  const { code, stderr } = await site.run(
    ["--isolation=overlay", "--insecure-pull", "--no-push", `--oci-layout-path=${layout}`],
    { through: ["setpriv", "--bounding-set=-dac_read_search", "--inh-caps=-dac_read_search"] },
  );
  assert.equal(code, 0, stderr);
  const { files } = await flatten(layout);
  assert.equal(files.get("/a/two")?.size, "text\nmore\n".length);
});
