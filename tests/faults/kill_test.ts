/**
 * F26: a build that is killed leaves no process and no mount, and the next one on its work directory makes the same
 * image and leaves nothing. Random moments are in tests/full/kill_loop_test.ts.
 *
 * @module
 */
import assert from "node:assert/strict";
import { holdBuild, MOMENTS } from "../support/interrupted_build.ts";
import { ISOLATIONS } from "../support/isolations.ts";
import { digestOf } from "../support/registry_fault.ts";

const env = { SOURCE_DATE_EPOCH: "1700000000" };

for (const isolation of ISOLATIONS) {
  for (const moment of MOMENTS) {
    Deno.test(`F26 kill -9 during a ${moment}, is followed by a build of the same image (${isolation})`, async () => {
      await using build = await holdBuild(moment, isolation);
      const { site, registry } = build;
      const running = await build.startHeld({ env });
      running.kill("SIGKILL");
      await running.outcome;
      await site.assertNothingRuns();
      build.letPass();
      const images: (string | undefined)[] = [];
      for (const work of [site.work, `${site.path}/clean`]) {
        const { code, stderr } = await site.run([...build.args, `--work-dir=${work}`], { env, through: build.through });
        assert.equal(code, 0, stderr);
        const manifest = registry.manifests.get("out/image:1");
        images.push(manifest && digestOf(manifest.bytes));
        await build.reset();
      }
      assert.notEqual(images[0], undefined);
      assert.equal(images[0], images[1]);
      await site.assertNothingLeft();
    });
  }
}
