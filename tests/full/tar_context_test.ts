/**
 * A context of 1 GiB, as an archive behind a web server, on stdin and in a registry: how much memory it takes, and how
 * long, beside what curl and tar take for the same bytes from the same server in the same run.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path/posix";
import { createHttpSource } from "../../lib/contexts/http.ts";
import { run } from "../support/environment/command.ts";
import { prepared } from "../support/environment/environment.ts";
import { startSite } from "../support/executor_site.ts";
import { compareFetching, measureBuild, MIB, packLargeContext, shownMemory } from "../support/measured_build.ts";
import { writeLayout } from "../support/environment/layout_writer.ts";
import { startRegistry } from "../support/environment/registry_server.ts";
import { startNginx } from "../support/nginx.ts";

Deno.test("an archive of 1 GiB as context", async (t) => {
  await using site = await startSite();
  await using large = await packLargeContext();
  const tarGz = join(large.folder, "context.tar.gz");
  await run(["sh", "-ec", 'gzip -1 < "$1" > "$2"', "sh", large.tar, tarGz]);
  await using nginx = await startNginx(large.folder, { name: "me", password: "secret" });

  for (const name of ["context.tar", "context.tar.gz"]) {
    await t.step(
      `takes less than 200 MiB and 1.3 times the time of curl and tar from a web server, ${name}`,
      async () => {
        const url = `${nginx.url}/${name}`;
        const { peakBytes } = await measureBuild(site, [`--context=${url}`]);
        const { ours, theirs } = await compareFetching(
          (parts) => createHttpSource({ kind: "http", url: new URL(url) }, parts),
          (folder) =>
            run([
              "bash",
              "-ec",
              'set -o pipefail; curl -sf "$1" | tar -C "$2" -x "$3"',
              "sh",
              url,
              folder,
              name.endsWith("gz") ? "-z" : "--no-auto-compress",
            ]),
        );
        console.log(
          `  ${name}: ${shownMemory({ peakBytes })}, ${ours.toFixed(1)} s, curl | tar ${theirs.toFixed(1)} s`,
        );
        assert.ok(peakBytes < 200 * MIB, `it took ${shownMemory({ peakBytes })}`);
        assert.ok(ours <= 1.3 * theirs, `${ours} s, against ${theirs} s`);
      },
    );
  }

  await t.step("takes less than 200 MiB from stdin", async () => {
    const measured = await measureBuild(site, ["--context=tar://stdin"], { stdin: tarGz });
    console.log(`  stdin: ${measured.seconds.toFixed(1)} s, ${shownMemory(measured)}`);
    assert.ok(measured.peakBytes < 200 * MIB, `it took ${shownMemory(measured)}`);
  });

  await t.step("takes less than 200 MiB as the layer of an image in a registry", async () => {
    await prepared({ tools: ["skopeo"] });
    await using registry = await startRegistry();
    const layout = join(large.folder, "layout");
    await writeLayout(layout, { layers: [{ tar: large.tar }] });
    await run([
      "skopeo",
      "copy",
      "--quiet",
      "--dest-tls-verify=false",
      `oci:${layout}:latest`,
      `docker://${registry.host}/large:1`,
    ]);
    for (const context of [`oci-layout://${layout}`, `oci://${registry.host}/large:1`]) {
      const measured = await measureBuild(site, [`--context=${context}`, "--insecure-pull"]);
      console.log(`  ${context.split(":")[0]}: ${measured.seconds.toFixed(1)} s, ${shownMemory(measured)}`);
      assert.ok(measured.peakBytes < 200 * MIB, `it took ${shownMemory(measured)}`);
    }
  });
});
